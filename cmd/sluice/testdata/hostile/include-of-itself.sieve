# trust: user
# expect: compile: .
require ["include"];
include :personal "include-of-itself";
