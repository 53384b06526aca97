# trust: user
# expect: (time|steps) limit of
require ["variables", "vnd.sluice.while"];
set "a" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
while not string :matches "${a}" "*a*a*a*a*a*a*a*a*a*a*a*a*b" { set "b" "${a}"; }
