// Greylisting: the first mail of an unknown sender to a recipient waits five minutes. Servers
// that deliver for real try again; most that send spam do not.
const pair = to_lowercase(sender() + " " + recipient());
if (sender() === "" || authenticated_user() !== "" || key_exists("", "passed " + pair)) {
  keep();
} else if (key_add("", "waits " + pair, now(), "2d") || now() - key_get("", "waits " + pair) < 300) {
  tempfail("greylisted, please try again in five minutes");
} else {
  key_set("", "passed " + pair, now(), "35d");
  keep();
}
