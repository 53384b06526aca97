// trust: user
// expect: actions limit of
for (;;) keep();
