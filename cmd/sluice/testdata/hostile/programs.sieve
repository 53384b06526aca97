# trust: user
# expect: compile: unknown extension
require ["vnd.dovecot.execute"];
execute "/bin/sh";
