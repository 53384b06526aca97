# trust: user
# expect: (ops|writes) limit of|too many|quota
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
set "n" "0";
while true { let "n" "int(n) + 1"; eval "lock_try('', n, '1d', true)"; }
