-- KEYS 4 to 6: the row, its allowances, the leases. ARGV 2: name. Returns how many live rows went.
local name = ARGV[2]
return drop.v(name) + drop.r(name) + drop.l(name)
