// trust: user
// expect: ends
for (const k of ["a:admin\0secret", "\0a:admin\0secret", "../a:admin/secret", "u:1\0secret", "\0", "secret", "*", "%", "\\0secret", "a:admin:secret"]) {
  let v = null;
  try { v = key_get("", k) } catch (e) {}
  if (v !== null) fileinto("Escaped", { create: true });
}
