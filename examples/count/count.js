// Counts each sender's mail, and lets nobody send more than three messages a minute.
if (!rate_limit("", "mail from " + sender(), "3/1m").allowed) {
  tempfail("too much mail at once, please try again in a minute");
} else if (counter_incr("", "mail from " + sender()) >= 5) {
  keep(["$Regular"]);
} else {
  keep();
}
