-- KEYS 4: the leases. ARGV 2: name, 3: owner, 4: fence. Returns 1 if the lease was the caller's.
local name = ARGV[2]
local owner, fence = held(name)
if not owner or owner ~= ARGV[3] or fence ~= ARGV[4] then return 0 end
redis.call('HDEL', L, name)
redis.call('ZREM', I, 'l' .. name)
redis.call('ZREM', X, due('l', '', name))
tally(-1, -#name - 40)
return 1
