if (true) { keep; }
if anyof true { keep; }
