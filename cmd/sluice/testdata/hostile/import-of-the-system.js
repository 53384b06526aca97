// trust: user
// expect: compile: import and export are not
import fs from "fs";
