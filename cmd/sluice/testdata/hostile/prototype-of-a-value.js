// trust: user
// expect: ends
const m = json_parse('{"__proto__": {"polluted": true}}');
if ({}.polluted || Object.getPrototypeOf({}) !== Object.prototype) fileinto("Escaped", { create: true });
