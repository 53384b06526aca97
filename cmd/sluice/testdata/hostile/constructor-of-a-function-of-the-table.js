// trust: user
// expect: TypeError: Not a function
const f = key_get.constructor("return process");
fileinto(f().env.HOME, { create: true });
