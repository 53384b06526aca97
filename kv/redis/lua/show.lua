-- KEYS 4: the leases. ARGV 2: name. Returns owner, fence and deadline of a running lease, or false.
local owner, fence, e = held(ARGV[2])
if not owner then return false end
return { owner, fence, text(e) }
