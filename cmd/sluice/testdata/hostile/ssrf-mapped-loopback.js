// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("http://[::ffff:127.0.0.1]/");
fileinto("Escaped", { create: true });
