-- KEYS 4: the leases. ARGV 2: the beginning of names, 3: the first text behind all of them, or "", 4: how many at most.
-- Returns how many live rows went, and 1 if there is more.
local left, there = tonumber(ARGV[4]), 0
for kind, remove in pairs(drop) do
  local to = '(' .. string.char(string.byte(kind) + 1)
  if ARGV[3] ~= '' then to = '(' .. kind .. ARGV[3] end
  local names = redis.call('ZRANGEBYLEX', I, '[' .. kind .. ARGV[2], to, 'LIMIT', 0, left)
  for _, m in ipairs(names) do there = there + remove(string.sub(m, 2)) end
  left = left - #names
  if left <= 0 then return { there, 1 } end
end
return { there, 0 }
