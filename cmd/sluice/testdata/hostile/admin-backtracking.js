// trust: admin
// expect: time limit of
let s = "a".repeat(40) + "!";
for (;;) /(a+)+\1$/.test(s);
