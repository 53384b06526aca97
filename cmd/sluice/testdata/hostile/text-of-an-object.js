// trust: user
// expect: (time|steps) limit of
const o = { toString() { for (;;) {} } };
key_get("", `${o}`);
