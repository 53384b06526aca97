// trust: user
// expect: compile: is no module of the script
require("/etc/passwd");
