// trust: admin
// expect: (output|memory) limit of
let s = "x";
for (;;) s += s;
