// trust: admin
// expect: compile: leaves the folder
require("../data/journal");
