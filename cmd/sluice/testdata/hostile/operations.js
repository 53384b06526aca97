// trust: user
// expect: ops limit of
for (;;) { try { key_get("", "x") } catch (e) {} }
