// trust: user
// expect: (time|steps|memory|output) limit of
const s = "x".repeat(1e6);
for (;;) hash(s, "sha512");
