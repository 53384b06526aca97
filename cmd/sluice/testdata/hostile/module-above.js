// trust: user
// expect: compile: leaves the folder
require("../../../etc/passwd");
