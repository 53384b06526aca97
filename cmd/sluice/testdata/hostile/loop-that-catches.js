// trust: user
// expect: (time|steps) limit of
for (;;) { try { null.x } catch (e) {} }
