fileinto "a";
fileinto "b";
frobnicate;
frobnicate;
if bogus { keep; }
if bogus { keep; }
