// trust: user
// expect: compile: async functions are not
async function f() { for (;;) await 1 }
f();
