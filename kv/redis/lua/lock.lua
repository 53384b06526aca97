-- KEYS 4: the leases, 5: the last fence. ARGV 2: name, 3: owner, 4: ttl.
-- Returns 0 and the deadline of whoever holds it, or 1, fence and deadline.
local name, F = ARGV[2], KEYS[5]
local owner, _, until_, was = held(name)
if owner then return { 0, text(until_) } end
-- A fence is the time in microseconds, or one more than the last: a server that has forgotten the last one
-- still gives a larger one.
local fence = math.max(tonumber(redis.call('GET', F) or '0') + 1, now * 1000)
if fence >= 9007199254740992 then return redis.error_reply('ERR fence would overflow') end
redis.call('SET', F, text(fence))
local e = deadline(ARGV[4])
keep(name, ARGV[3], text(fence), e)
if not was then
  redis.call('ZADD', I, 0, 'l' .. name)
  tally(1, #name + 40)
  sweep(4)
end
return { 1, text(fence), text(e) }
