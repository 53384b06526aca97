# trust: user
# expect: compile: is no name of a script
require ["include"];
include :global "/etc/passwd";
