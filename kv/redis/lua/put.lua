-- KEYS 4: the row. ARGV 2: name, 3: value, 4: ttl, 5: set, fenced, add or swap, 6: fence or old value.
-- Returns 1 if the row was written.
local K, name, how = KEYS[4], ARGV[2], ARGV[5]
local old = look(K)
local there = old and live(old.e)
local f = nil
if there then f = old.f end
if how == 'add' then
  if there then return 0 end
elseif how == 'swap' then
  if not there or redis.call('HGET', K, 'v') ~= ARGV[6] then return 0 end
elseif how == 'fenced' then
  local is = ARGV[6] -- numbers of 64 bits are compared as text
  if f and (#is < #f or #is == #f and is < f) then return 0 end
  f = is
  if is == '0' then f = nil end
end
put(K, name, ARGV[3], deadline(ARGV[4]), f, old)
return 1
