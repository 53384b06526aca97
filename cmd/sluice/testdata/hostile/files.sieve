# trust: user
# expect: actions limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
set "n" "0";
while true { let "n" "int(n) + 1"; fileinto :create "M${n}"; }
