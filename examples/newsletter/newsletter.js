// Mailing lists go to a mailbox of their own, marked as such.
if (header_exists("List-Id") || ["list", "bulk"].includes(to_lowercase(header("Precedence")))) {
  fileinto("Lists", { create: true, flags: ["$List"] });
}
