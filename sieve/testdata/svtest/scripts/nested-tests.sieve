require "vnd.dovecot.testsuite";
test "a" { test "b" { } }
