// trust: user
// expect: compile: .*unknown store
key_get("secrets", "secret");
