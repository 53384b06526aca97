-- Whole numbers of 64 bits, as three limbs of 24 bits, least first: products of limbs and their sums are exact
-- in doubles. None is negative.
local B = 16777216

-- num reads 8 octets, most significant first, at position i of s.
local function num(s, i)
  local a, b, c, d, e, f, g, h = string.byte(s, i, i + 7)
  return f * 65536 + g * 256 + h, c * 65536 + d * 256 + e, a * 256 + b
end

local function octets(a0, a1, a2)
  local floor, char = math.floor, string.char
  return char(floor(a2 / 256) % 256, a2 % 256, floor(a1 / 65536), floor(a1 / 256) % 256, a1 % 256,
    floor(a0 / 65536), floor(a0 / 256) % 256, a0 % 256)
end

local function less(a0, a1, a2, b0, b1, b2)
  if a2 ~= b2 then return a2 < b2 end
  if a1 ~= b1 then return a1 < b1 end
  return a0 < b0
end

local function add(a0, a1, a2, b0, b1, b2)
  a0, a1, a2 = a0 + b0, a1 + b1, a2 + b2
  if a0 >= B then a0, a1 = a0 - B, a1 + 1 end
  if a1 >= B then a1, a2 = a1 - B, a2 + 1 end
  return a0, a1, a2
end

-- sub is a - b, which must not be negative.
local function sub(a0, a1, a2, b0, b1, b2)
  a0, a1, a2 = a0 - b0, a1 - b1, a2 - b2
  if a0 < 0 then a0, a1 = a0 + B, a1 - 1 end
  if a1 < 0 then a1, a2 = a1 + B, a2 - 1 end
  return a0, a1, a2
end

-- mul returns the six limbs of a product, most significant first.
local function mul(a0, a1, a2, b0, b1, b2)
  local floor = math.floor
  local p = a0 * b0
  local c = floor(p / B)
  local r0 = p - c * B
  p = a0 * b1 + a1 * b0 + c
  c = floor(p / B)
  local r1 = p - c * B
  p = a0 * b2 + a1 * b1 + a2 * b0 + c
  c = floor(p / B)
  local r2 = p - c * B
  p = a1 * b2 + a2 * b1 + c
  c = floor(p / B)
  local r3 = p - c * B
  p = a2 * b2 + c
  c = floor(p / B)
  return c, p - c * B, r3, r2, r1, r0
end

local function greater(a5, a4, a3, a2, a1, a0, b5, b4, b3, b2, b1, b0)
  if a5 ~= b5 then return a5 > b5 end
  if a4 ~= b4 then return a4 > b4 end
  if a3 ~= b3 then return a3 > b3 end
  if a2 ~= b2 then return a2 > b2 end
  if a1 ~= b1 then return a1 > b1 end
  return a0 > b0
end

-- millis is a in milliseconds, rounded up, as a plain number.
local function millis(a0, a1, a2)
  local floor = math.floor
  a0, a1, a2 = add(a0, a1, a2, 999999, 0, 0)
  local q2 = floor(a2 / 1000000)
  local r = (a2 - q2 * 1000000) * B + a1
  local q1 = floor(r / 1000000)
  r = (r - q1 * 1000000) * B + a0
  return (q2 * B + q1) * B + floor(r / 1000000)
end
