// trust: user
// expect: (output|memory) limit of
let s = "x";
for (;;) s = base64_encode(s);
