// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("http://127.0.0.1:$HTTP/metrics");
fileinto("Escaped", { create: true });
