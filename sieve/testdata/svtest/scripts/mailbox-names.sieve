require ["fileinto", "encoded-character"];
fileinto "";
fileinto "a${hex:ff}b";
