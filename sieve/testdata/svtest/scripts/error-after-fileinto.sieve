require ["fileinto", "mailbox", "editheader", "ihave"];
addheader "X-Edited" "yes";
fileinto :create "lost";
error "too far";
