// trust: user
// expect: nesting limit of
JSON.parse("[".repeat(1000000));
