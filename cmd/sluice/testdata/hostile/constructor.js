// trust: user
// expect: TypeError: Not a function
(() => {}).constructor("return this")();
