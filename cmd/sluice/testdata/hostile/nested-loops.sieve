# trust: user
# expect: (time|steps) limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
while true { while true { while true { set "a" "b"; } } }
