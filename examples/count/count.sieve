# Counts each sender's mail, and lets nobody send more than three messages a minute.
require ["variables", "imap4flags", "relational", "comparator-i;ascii-numeric", "vnd.sluice.expressions"];

if not eval "rate_limit('', 'mail from ' + sender(), '3/1m').allowed" {
    eval "tempfail('too much mail at once, please try again in a minute')";
    stop;
}
let "n" "counter_incr('', 'mail from ' + sender())";
if string :value "ge" :comparator "i;ascii-numeric" "${n}" "5" {
    keep :flags "$Regular";
} else {
    keep;
}
