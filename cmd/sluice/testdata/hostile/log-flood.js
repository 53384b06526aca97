// trust: user
// expect: (time|steps|output|actions|ops|writes) limit of
for (;;) log("info", "x".repeat(1000));
