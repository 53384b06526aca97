// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("gopher://127.0.0.1:11211/_stats");
fileinto("Escaped", { create: true });
