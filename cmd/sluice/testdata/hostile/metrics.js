// trust: admin
// expect: writes limit of
for (let i = 0; ; i++) metric_count("m" + i);
