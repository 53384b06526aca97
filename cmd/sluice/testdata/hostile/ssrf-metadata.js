// trust: admin
// expect: is not public|this is no URL|host is not allowed
const r = http_get("http://169.254.169.254/latest/meta-data/");
fileinto("Escaped", { create: true });
