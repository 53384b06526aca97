// trust: user
// expect: (ops|writes) limit of|quota
for (let i = 0; ; i++) counter_incr("", "c" + i);
