// trust: user
// expect: BigInt is too large|limit of
let x = 3n;
for (;;) x *= x;
