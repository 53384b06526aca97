// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("http://2130706433/");
fileinto("Escaped", { create: true });
