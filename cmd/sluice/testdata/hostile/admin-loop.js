// trust: admin
// expect: (time|steps) limit of
for (;;) {}
