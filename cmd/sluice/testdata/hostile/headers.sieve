# trust: user
# expect: header size limit of
require ["editheader", "variables", "vnd.sluice.while"];
set "a" "x";
while true { set "a" "${a}${a}xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; addheader "X-A" "${a}"; }
