# trust: user
# expect: (time|steps|output|memory) limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
set "a" "xxxxxxxxxxxxxxxx";
while true { set "a" "${a}${a}"; }
