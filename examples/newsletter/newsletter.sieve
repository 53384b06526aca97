# Mailing lists go to a mailbox of their own, marked as such.
require ["fileinto", "mailbox", "imap4flags"];

if anyof (exists "list-id", header :is "precedence" ["list", "bulk"]) {
    fileinto :create :flags "$List" "Lists";
}
