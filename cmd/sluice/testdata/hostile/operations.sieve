# trust: user
# expect: ops limit of
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
while true { eval "key_get('', 'x')"; }
