// trust: user
// expect: (redirects|actions) limit of|relay
for (let i = 0; i < 100; i++) redirect("a" + i + "@remote.test");
