-- ARGV 2 and 3: from and to, as ZRANGEBYLEX wants them, 4: rows at most, 5: octets after which it ends.
-- Returns 1 if there is more behind the name that comes next, and then name, value, expiry, fence of each row.
local names = redis.call('ZRANGEBYLEX', I, ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
local out, octets, last = { 0, '' }, 0, 0
for i, m in ipairs(names) do
  last = i
  local name = string.sub(m, 2)
  local r = redis.call('HMGET', base .. m, 'v', 'e', 'f')
  if r[1] and r[2] and live(tonumber(r[2])) then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = name, r[1], r[2], r[3] or '0'
    octets = octets + #r[1]
    if octets > tonumber(ARGV[5]) then break end
  elseif not r[1] then
    here(base .. m)
  end
end
if last > 0 then out[2] = string.sub(names[last], 2) end
if last < #names or #names == tonumber(ARGV[4]) then out[1] = 1 end
return out
