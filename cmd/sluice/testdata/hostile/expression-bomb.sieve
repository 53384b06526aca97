# trust: user
# expect: (output|memory|steps) limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
eval "reduce(1..100, #acc + #acc, 'x')";
