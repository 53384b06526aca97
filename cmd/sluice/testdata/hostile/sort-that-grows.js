// trust: user
// expect: (time|steps|memory|output) limit of
let a = [3, 1, 2];
for (;;) a.sort((x, y) => { a.push(x); return y - x });
