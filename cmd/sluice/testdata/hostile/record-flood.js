// trust: user
// expect: (time|steps|output) limit of
for (;;) debug_log("x".repeat(1000));
