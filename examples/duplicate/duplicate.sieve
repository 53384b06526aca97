# The second copy of a message within a week is dropped. The mark is left only once the mail
# is settled, so that nothing is dropped for a delivery that did not end well.
require ["variables", "vnd.sluice.expressions"];

let "id" "hash(header('Message-ID'), 'sha256')";
if header :is "message-id" "" {
    stop;
}
if eval "key_exists('', 'seen ' + id)" {
    discard;
} else {
    eval "mark('', 'seen ' + id, true, '7d')";
}
