// trust: user
// expect: compile: eval is not available
eval("for (;;) {}");
