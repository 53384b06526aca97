-- A lease is kept in the hash L under its name as "owner fence deadline".
local L = base .. 'l'

-- held returns owner, fence and deadline of a running lease, or nil; and the stored text or nil.
local function held(name)
  local is = redis.call('HGET', L, name) or nil
  if not is then return nil end
  local owner, fence, e = string.match(is, '^(%S+) (%d+) (%d+)$')
  e = tonumber(e)
  if not e or not live(e) then return nil, nil, nil, is end
  return owner, fence, e, is
end

local function keep(name, owner, fence, e)
  redis.call('HSET', L, name, owner .. ' ' .. fence .. ' ' .. text(e))
  if e > 0 then
    redis.call('ZADD', X, e, due('l', '', name))
  else
    redis.call('ZREM', X, due('l', '', name))
  end
end
