// trust: user
// expect: (time|steps|memory|output) limit of
let a = [];
for (;;) a.push(attachment_content(1));
