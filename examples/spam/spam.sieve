# What the MTA's spam filter marked, and what shouts about prizes, goes to Junk.
require ["fileinto", "imap4flags", "variables", "relational", "vnd.sluice.expressions"];

if header :is "x-spam-flag" "yes" {
    fileinto :flags ["$Junk", "\\Seen"] "Junk";
} elsif allof (header :contains "subject" ["won", "prize"],
               eval "count_uppercase(subject()) > 2 * count_lowercase(subject())") {
    fileinto :flags "$Junk" "Junk";
}
