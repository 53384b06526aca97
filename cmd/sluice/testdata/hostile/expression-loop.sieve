# trust: user
# expect: (time|steps|memory|output) limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
while true { eval "len(map(1..1000, #)) > 0"; }
