// trust: user
// expect: (time|steps) limit of
[3, 1, 2].sort(() => { for (;;) {} });
