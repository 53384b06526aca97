// trust: user
// expect: (output|memory) limit of
let s = "x";
for (;;) s += s;
