# trust: user
# expect: compile: .
require ["regex", "variables", "vnd.sluice.while"];
set "a" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
while not string :regex "${a}" "((a{1,90}){1,90}){1,90}b" { set "b" "x"; }
