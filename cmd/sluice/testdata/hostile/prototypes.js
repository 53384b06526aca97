// trust: user
// expect: ends
Object.prototype.polluted = "yes";
Array.prototype.polluted = "yes";
String.prototype.trim = () => "stolen";
globalThis.key_get = () => "stolen";
Object.prototype.toString = () => { for (;;) {} };
keep();
