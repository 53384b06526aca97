-- KEYS 4: the leases. ARGV 2: name, 3: owner, 4: fence, 5: ttl. Returns the deadline, or false.
local owner, fence = held(ARGV[2])
if not owner or owner ~= ARGV[3] or fence ~= ARGV[4] then return false end
local e = deadline(ARGV[5])
keep(ARGV[2], owner, fence, e)
return text(e)
