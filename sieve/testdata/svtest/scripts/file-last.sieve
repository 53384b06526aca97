require ["fileinto", "mailbox"];
fileinto :create "last";
