// trust: user
// expect: (nesting|time|steps) limit of
function f() { try { f() } catch (e) { f() } }
f();
