// trust: admin
// expect: (memory|steps) limit of
let a = [];
for (;;) a.push({ a: 1, b: { c: [1, 2, 3] } });
