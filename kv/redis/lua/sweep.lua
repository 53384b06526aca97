-- ARGV 2: how many expired rows to remove at most. Returns how many went, and then the rows and octets left.
local n = sweep(tonumber(ARGV[2]))
local t = redis.call('HMGET', T, 'n', 'o')
return { n, t[1] or '0', t[2] or '0' }
