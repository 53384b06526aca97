-- KEYS 4: the row. ARGV 2: name, 3: by, 4: ttl. Returns the new number as text, or HINCRBY's error.
local K, name, by = KEYS[4], ARGV[2], ARGV[3]
local old = look(K)
if not old or not live(old.e) then
  put(K, name, by, deadline(ARGV[4]), nil, old)
  return by
end
local r = redis.pcall('HINCRBY', K, 'v', by)
if type(r) == 'table' then return r end
local v = redis.call('HGET', K, 'v') -- r is a double
if #v ~= old.n then account(K, name, #v, old.e, old) end
return v
