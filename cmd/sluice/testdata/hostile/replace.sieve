# trust: user
# expect: output limit of
require ["replace", "variables", "vnd.sluice.while"];
set "a" "x";
while true { set "a" "${a}${a}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; replace "${a}"; }
