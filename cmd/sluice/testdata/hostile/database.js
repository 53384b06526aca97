// trust: user
// expect: compile: administrators
sql_query("main", "SELECT * FROM kv");
