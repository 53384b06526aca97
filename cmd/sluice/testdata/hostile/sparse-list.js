// trust: user
// expect: (memory|steps) limit of
let a = [];
a.length = 4294967295;
a.indexOf(1);
