// trust: user
// expect: (time|steps|output) limit of
for (;;) console.log("x".repeat(1000));
