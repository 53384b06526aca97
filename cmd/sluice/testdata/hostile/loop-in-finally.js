// trust: user
// expect: (time|steps) limit of
for (;;) { try { for (;;) {} } finally { continue } }
