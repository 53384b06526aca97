# trust: user
# expect: (actions|outgoing|steps|time) limit of
require ["enotify", "vnd.sluice.while"];
while true { notify "mailto:a@remote.test"; }
