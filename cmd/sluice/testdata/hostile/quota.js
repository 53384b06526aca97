// trust: user
// expect: (ops|writes) limit of|quota
const s = "x".repeat(60000);
for (let i = 0; ; i++) { try { key_set("", "k" + i, s) } catch (e) {} }
