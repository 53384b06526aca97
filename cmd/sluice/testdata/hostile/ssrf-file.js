// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("file:///etc/passwd");
fileinto("Escaped", { create: true });
