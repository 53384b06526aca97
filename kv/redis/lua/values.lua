-- look returns the stored row K: its expiry e, its fence f or nil, the octets n of its value. It returns nil
-- if nothing is stored.
local function look(K)
  local m = redis.call('HMGET', K, 'e', 'f')
  if not m[1] then return nil end
  return { e = tonumber(m[1]), f = m[2] or nil, n = redis.call('HSTRLEN', K, 'v') }
end

-- account brings expiry, index and totals in step with the row K of n octets that took old's place.
local function account(K, name, n, e, old)
  if server then
    -- A key is gone after its millisecond, a row in it.
    if e > 0 then
      if not old or old.e ~= e then redis.call('PEXPIREAT', K, e - 1) end
    elseif old and old.e > 0 then
      redis.call('PERSIST', K)
    end
  end
  local rows, octets, same = 1, #name + n, false
  if old then
    rows, octets = 0, n - old.n
    if old.e > 0 then
      same = e > 0 and n == old.n
      if not same then redis.call('ZREM', X, due('v', string.format('%x', old.n), name)) end
    end
  else
    redis.call('ZADD', I, 0, 'v' .. name)
  end
  if e > 0 and not (same and old.e == e) then
    local new = redis.call('ZADD', X, e, due('v', string.format('%x', n), name))
    if new == 0 and not same then -- a row of before, that the server has dropped, was still counted
      rows, octets = rows - 1, octets - #name - n
    end
  end
  tally(rows, octets)
  if not old then sweep(4) end
end

-- put writes a row in place of old. Its first write is the one that a full server refuses.
local function put(K, name, v, e, f, old)
  if f then
    redis.call('HSET', K, 'v', v, 'e', text(e), 'f', f)
  else
    redis.call('HSET', K, 'v', v, 'e', text(e))
    if old and old.f then redis.call('HDEL', K, 'f') end
  end
  account(K, name, #v, e, old)
end
