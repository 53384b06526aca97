// trust: user
// expect: (memory|steps|time) limit of
let m = new Map();
for (let i = 0; ; i++) m.set("key" + i, [i]);
