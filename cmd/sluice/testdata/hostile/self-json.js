// trust: user
// expect: (time|steps|memory|output|nesting) limit of
let s = JSON.stringify("x");
for (;;) s = JSON.stringify([s, s]);
