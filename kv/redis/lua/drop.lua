-- Each of these removes what is under name, and returns how much of it was live. They begin with commands
-- that a full server carries out.
local drop = {}

function drop.v(name)
  local K = base .. 'v' .. name
  local old = look(K)
  if not old then here(K) end
  redis.call('ZREM', I, 'v' .. name)
  if not old then return 0 end
  redis.call('UNLINK', K)
  if old.e > 0 then redis.call('ZREM', X, due('v', string.format('%x', old.n), name)) end
  tally(-1, -#name - old.n)
  if live(old.e) then return 1 end
  return 0
end

function drop.r(name)
  local R, n, there = base .. 'r' .. name, 0, 0
  local all = redis.call('HGETALL', R)
  if #all == 0 then here(R) end
  redis.call('ZREM', I, 'r' .. name)
  redis.call('UNLINK', R)
  for i = 1, #all, 2 do
    redis.call('ZREM', X, due('r', all[i], name))
    n = n + 1
    if live(tonumber(string.sub(all[i + 1], allowance + 1))) then there = there + 1 end
  end
  tally(-n, -n * (#name + allowance))
  return there
end

function drop.l(name)
  local L = base .. 'l'
  local is = redis.call('HGET', L, name)
  redis.call('ZREM', I, 'l' .. name)
  if not is then return 0 end
  redis.call('HDEL', L, name)
  redis.call('ZREM', X, due('l', '', name))
  tally(-1, -#name - 40)
  if live(tonumber(string.match(is, '%d+$'))) then return 1 end
  return 0
end
