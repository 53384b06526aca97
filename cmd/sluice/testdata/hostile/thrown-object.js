// trust: user
// expect: (time|steps) limit of
throw { toString() { for (;;) {} } };
