// trust: user
// expect: (time|steps) limit of
for (;;) {}
