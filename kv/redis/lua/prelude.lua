-- Every script begins with this. KEYS 1 to 3 are the bucket's index, its expiries and its totals; further
-- keys belong to the script. ARGV 1 is the time in milliseconds, or "" for the server's.
local I, X, T = KEYS[1], KEYS[2], KEYS[3]
local base = string.sub(I, 1, -2)
local now, from, server, clock
if ARGV[1] == '' then
  clock = redis.call('TIME')
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  from = now + 1 -- the millisecond that has begun is not taken off a ttl
  server = true
else
  now = tonumber(ARGV[1])
  from = now
end

local function live(e) return e == 0 or e > now end

-- deadline is when a ttl in milliseconds ends; 0 is never.
local function deadline(ttl)
  if ttl == '0' then return 0 end
  return from + tonumber(ttl)
end

-- text writes a whole number without an exponent.
local function text(n) return string.format('%.0f', n) end

-- due is the member of X that stands for a row that expires.
local function due(kind, aux, name) return kind .. aux .. '\0' .. name end

local function tally(rows, octets)
  if rows ~= 0 then redis.call('HINCRBY', T, 'n', rows) end
  if octets ~= 0 then redis.call('HINCRBY', T, 'o', octets) end
end

-- An allowance is kept as so many octets of state, and then its deadline as text.
local allowance = 40

-- here makes sure that K, which is missing, is not on its way from another node: a node that is taking over a slot
-- refuses a question about two keys of which one has not come yet. Without it the row would seem to be gone.
local function here(K) redis.call('EXISTS', I, K) end

-- sweep removes at most max of the bucket's expired rows and returns how many.
local function sweep(max)
  local n, over = 0, redis.call('ZRANGEBYSCORE', X, '-inf', now, 'LIMIT', 0, max)
  for _, m in ipairs(over) do
    local kind, z = string.sub(m, 1, 1), string.find(m, '\0', 1, true)
    local aux, name = string.sub(m, 2, z - 1), string.sub(m, z + 1)
    local K = base .. kind
    if kind ~= 'l' then K = K .. name end
    if type(redis.pcall('EXISTS', I, K)) == 'table' then break end -- the slot is moving
    local octets
    if kind == 'v' then
      octets = #name + tonumber(aux, 16)
      local e = redis.call('HGET', K, 'e')
      if not e or not live(tonumber(e)) then -- else it was written anew
        redis.call('UNLINK', K)
        redis.call('ZREM', I, 'v' .. name)
      end
    elseif kind == 'r' then
      octets = #name + allowance
      redis.call('HDEL', K, aux)
      if redis.call('EXISTS', K) == 0 then redis.call('ZREM', I, 'r' .. name) end
    else
      octets = #name + 40
      redis.call('HDEL', K, name)
      redis.call('ZREM', I, 'l' .. name)
    end
    redis.call('ZREM', X, m)
    tally(-1, -octets)
    n = n + 1
  end
  return n
end
