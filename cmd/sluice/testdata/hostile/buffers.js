// trust: user
// expect: memory limit of
let a = [];
for (;;) a.push(new ArrayBuffer(1 << 20));
