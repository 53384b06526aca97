# Greylisting: the first mail of an unknown sender to a recipient waits five minutes. Servers
# that deliver for real try again; most that send spam do not.
require ["variables", "vnd.sluice.expressions"];

let "pair" "to_lowercase(sender() + ' ' + recipient())";
if eval "sender() == '' or authenticated_user() != '' or key_exists('', 'passed ' + pair)" {
    keep;
    stop;
}
if eval "key_add('', 'waits ' + pair, now(), '2d') or now() - key_get('', 'waits ' + pair) < 300" {
    eval "tempfail('greylisted, please try again in five minutes')";
    stop;
}
eval "key_set('', 'passed ' + pair, now(), '35d')";
keep;
