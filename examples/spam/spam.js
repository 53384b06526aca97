// What the MTA's spam filter marked, and what shouts about prizes, goes to Junk.
const s = to_lowercase(subject());
if (to_lowercase(header("X-Spam-Flag")) === "yes") {
  fileinto("Junk", { flags: ["$Junk", "\\Seen"] });
} else if ((s.includes("won") || s.includes("prize")) && count_uppercase(subject()) > 2 * count_lowercase(subject())) {
  fileinto("Junk", { flags: ["$Junk"] });
}
