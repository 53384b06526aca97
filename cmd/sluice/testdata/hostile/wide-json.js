// trust: user
// expect: (time|steps|memory|output) limit of
let a = [1];
for (let i = 0; i < 60; i++) a = [a, a];
JSON.stringify(a);
