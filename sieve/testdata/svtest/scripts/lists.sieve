if header [] "a" { keep; }
if header ["a",] "a" { keep; }
if anyof () { keep; }
if anyof (true,) { keep; }
if header ["a" "b"] "a" { keep; }
