// trust: user
// expect: (time|steps) limit of
fileinto("x", { get flags() { for (;;) {} } });
