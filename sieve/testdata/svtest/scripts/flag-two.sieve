require ["imap4flags", "fileinto", "mailbox"];
addflag "$two";
fileinto :create "chain";
