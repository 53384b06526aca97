// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("http://[64:ff9b::7f00:1]/");
fileinto("Escaped", { create: true });
