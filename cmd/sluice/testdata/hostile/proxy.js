// trust: user
// expect: compile: Proxy is not available
new Proxy({}, { get() { for (;;) {} } }).x;
