# trust: user
# expect: ends
require ["foreverypart", "mime", "variables", "extracttext"];
foreverypart { foreverypart { foreverypart { foreverypart { extracttext "t"; set "a" "${t}${t}"; } } } }
