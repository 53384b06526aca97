// trust: user
// expect: nesting limit of
function f() { return 1 + f() }
f();
