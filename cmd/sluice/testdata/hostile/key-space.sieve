# trust: user
# expect: ends
require ["variables", "vnd.sluice.expressions", "vnd.sluice.while", "fileinto", "mailbox"];
if eval "any(['a:admin\\u0000secret', '\\u0000', '../secret', 'secret'], key_get('', #) != nil)" { fileinto :create "Escaped"; }
