require ["reject", "vacation"];
vacation "gone";
reject "no";
