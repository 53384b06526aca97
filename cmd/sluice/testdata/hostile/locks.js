// trust: user
// expect: (ops|writes) limit of|too many|quota
for (let i = 0; ; i++) { try { lock_try("", "l" + i, "1d", true) } catch (e) {} }
