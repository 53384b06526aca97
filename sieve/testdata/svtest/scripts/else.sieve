else { keep; }
keep;
elsif true { keep; }
if true { keep; } else { keep; } else { keep; }
