// trust: user
// expect: ends
// What another run did to the prototypes is not here.
if ({}.polluted || [].polluted || " a ".trim() !== "a" || key_get("", "stolen") === "stolen") fileinto("Escaped", { create: true });
