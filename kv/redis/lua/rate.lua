-- kv.Rule.Take as far as the next state goes. What to answer the caller works out with Take itself, from the
-- state before and the time, both of which this returns.
--
-- KEYS 4: the allowances of the key. ARGV 2: name, 3: rule, 4: take or peek, 5: nanoseconds, 8 octets, or "",
-- 6: sliding or burst, 7: its numbers, 8 octets each.
--
-- s is the state's start, p and c the units of the window before and of this one, q and h when in them half of the
-- limit was reached.
--
-- Returns 1 if it is allowed, the state before or "", the nanoseconds.
local R, name, rule, sliding, numbers = KEYS[4], ARGV[2], ARGV[3], ARGV[6] == 'sliding', ARGV[7]
local n0, n1, n2
if clock then
  local us = clock[1] * 1000000 + clock[2]
  n0, n1, n2 = us % B, math.floor(us / B) % B, math.floor(us / B / B)
  n0, n1, n2 = n0 * 1000, n1 * 1000, n2 * 1000
  n1 = n1 + math.floor(n0 / B)
  n2 = n2 + math.floor(n1 / B)
  n0, n1 = n0 % B, n1 % B
else
  n0, n1, n2 = num(ARGV[5], 1)
end

local stored = redis.call('HGET', R, rule) or nil
local before, was = '', 0
local s0, s1, s2, p0, p1, p2, c0, c1, c2 = 0, 0, 0, 0, 0, 0, 0, 0, 0
local q0, q1, q2, h0, h1, h2 = 0, 0, 0, 0, 0, 0
if stored and #stored > allowance then
  before, was = string.sub(stored, 1, allowance), tonumber(string.sub(stored, allowance + 1))
  s0, s1, s2 = num(before, 1)
  p0, p1, p2 = num(before, 9)
  c0, c1, c2 = num(before, 17)
  q0, q1, q2 = num(before, 25)
  h0, h1, h2 = num(before, 33)
end

local allowed = false
local e0, e1, e2 -- the moment after which the next state means nothing
if sliding then
  local limit0, limit1, limit2 = num(numbers, 1)
  local low0, low1, low2 = num(numbers, 9) -- half of the limit, rounded down
  local per0, per1, per2 = num(numbers, 17)
  local cost0, cost1, cost2 = num(numbers, 25)
  local half0, half1, half2 = sub(limit0, limit1, limit2, low0, low1, low2)
  local two0, two1, two2 = add(per0, per1, per2, per0, per1, per2)
  local age0, age1, age2 = 0, 0, 0
  local fresh = s0 == 0 and s1 == 0 and s2 == 0
  if fresh then
  elseif less(n0, n1, n2, s0, s1, s2) then
    age0, age1, age2 = sub(s0, s1, s2, n0, n1, n2)
    fresh = not less(age0, age1, age2, per0, per1, per2)
    age0, age1, age2 = 0, 0, 0 -- now was taken a moment before the state was written
  else
    age0, age1, age2 = sub(n0, n1, n2, s0, s1, s2)
    fresh = not less(age0, age1, age2, two0, two1, two2)
    if not fresh and not less(age0, age1, age2, per0, per1, per2) then
      s0, s1, s2 = add(s0, s1, s2, per0, per1, per2)
      p0, p1, p2, c0, c1, c2 = c0, c1, c2, 0, 0, 0
      q0, q1, q2, h0, h1, h2 = h0, h1, h2, 0, 0, 0
      age0, age1, age2 = sub(age0, age1, age2, per0, per1, per2)
    end
  end
  if fresh then
    s0, s1, s2, p0, p1, p2, c0, c1, c2 = n0, n1, n2, 0, 0, 0, 0, 0, 0
    q0, q1, q2, h0, h1, h2 = 0, 0, 0, 0, 0, 0
    age0, age1, age2 = 0, 0, 0
  end
  -- The cost fits if what is left of the window before is no more than the room. Nothing always fits.
  local t0, t1, t2 = add(c0, c1, c2, cost0, cost1, cost2)
  if cost0 == 0 and cost1 == 0 and cost2 == 0 then
    allowed = true
  elseif not less(limit0, limit1, limit2, t0, t1, t2) then
    local room0, room1, room2 = sub(limit0, limit1, limit2, t0, t1, t2)
    local gone0, gone1, gone2 = add(age0, age1, age2, 1, 0, 0)
    local reached = not less(p0, p1, p2, half0, half1, half2)
    if reached and less(gone0, gone1, gone2, q0, q1, q2) then
      -- prev - ceil(low * gone / q) <= room: low * gone > (prev - room - 1) * q, if prev > room
      if not less(room0, room1, room2, p0, p1, p2) then
        allowed = true
      else
        local a5, a4, a3, a2, a1, a0 = mul(low0, low1, low2, gone0, gone1, gone2)
        local u0, u1, u2 = sub(p0, p1, p2, room0, room1, room2)
        u0, u1, u2 = sub(u0, u1, u2, 1, 0, 0)
        allowed = greater(a5, a4, a3, a2, a1, a0, mul(u0, u1, u2, q0, q1, q2))
      end
    else
      -- floor(u * (per - gone) / w) <= room: (room + 1) * w > u * (per - gone)
      local u0, u1, u2, w0, w1, w2 = p0, p1, p2, per0, per1, per2
      if reached then
        u0, u1, u2 = sub(p0, p1, p2, half0, half1, half2)
        w0, w1, w2 = sub(per0, per1, per2, q0, q1, q2)
      end
      local left0, left1, left2 = sub(per0, per1, per2, gone0, gone1, gone2)
      room0, room1, room2 = add(room0, room1, room2, 1, 0, 0)
      local a5, a4, a3, a2, a1, a0 = mul(room0, room1, room2, w0, w1, w2)
      allowed = greater(a5, a4, a3, a2, a1, a0, mul(u0, u1, u2, left0, left1, left2))
    end
  end
  if less(c0, c1, c2, half0, half1, half2) and not less(t0, t1, t2, half0, half1, half2) then
    h0, h1, h2 = age0, age1, age2
  end
  c0, c1, c2 = t0, t1, t2
  e0, e1, e2 = add(s0, s1, s2, two0, two1, two2)
else
  -- How far the arrival time is ahead, and how far it may be: nanoseconds and parts of limit.
  local limit0, limit1, limit2 = num(numbers, 1)
  local whole0, whole1, whole2 = num(numbers, 9)
  local most0, most1, most2 = num(numbers, 17)
  local step0, step1, step2 = num(numbers, 25)
  local part0, part1, part2 = num(numbers, 33)
  if less(s0, s1, s2, n0, n1, n2) then
    s0, s1, s2, c0, c1, c2 = 0, 0, 0, 0, 0, 0
  else
    s0, s1, s2 = sub(s0, s1, s2, n0, n1, n2)
    if less(whole0, whole1, whole2, s0, s1, s2) then
      s0, s1, s2, c0, c1, c2 = whole0, whole1, whole2, most0, most1, most2
    end
  end
  s0, s1, s2 = add(s0, s1, s2, step0, step1, step2)
  c0, c1, c2 = add(c0, c1, c2, part0, part1, part2)
  if not less(c0, c1, c2, limit0, limit1, limit2) then
    s0, s1, s2 = add(s0, s1, s2, 1, 0, 0)
    c0, c1, c2 = sub(c0, c1, c2, limit0, limit1, limit2)
  end
  if less(s0, s1, s2, whole0, whole1, whole2) then
    allowed = true
  elseif not less(whole0, whole1, whole2, s0, s1, s2) then
    allowed = not less(most0, most1, most2, c0, c1, c2)
  end
  s0, s1, s2 = add(n0, n1, n2, s0, s1, s2)
  p0, p1, p2, q0, q1, q2, h0, h1, h2 = 0, 0, 0, 0, 0, 0, 0, 0, 0
  e0, e1, e2 = add(s0, s1, s2, 1, 0, 0)
end

if allowed and ARGV[4] == 'take' then
  local e = millis(e0, e1, e2)
  redis.call('HSET', R, rule, octets(s0, s1, s2) .. octets(p0, p1, p2) .. octets(c0, c1, c2) ..
    octets(q0, q1, q2) .. octets(h0, h1, h2) .. text(e))
  if e ~= was then redis.call('ZADD', X, e, due('r', rule, name)) end
  if not stored then
    redis.call('ZADD', I, 0, 'r' .. name)
    tally(1, #name + allowance)
    sweep(4)
  end
end
return { allowed and 1 or 0, before, octets(n0, n1, n2) }
