package stalwart

// Difference is something that is not as in Stalwart, on purpose.
type Difference struct {
	What     string
	Stalwart string
	Here     string
}

// Differences are all of them.
var Differences = []Difference{
	{"single `=`", "eats the character behind it: `a=1` is misread", "is `==`, with or without blanks"},
	{"tabs", "are an illegal character", "are blanks; in a file a line that begins with `#` is a comment"},
	{"an error in an expression", "gives no value, and the setting its default", "ends the run with its place; `on-error` of the script decides"},
	{"errors of trusted scripts", "let the mail pass", "`on-error` decides, accept by default; at delivery the mail is kept"},
	{"a store that is not there", "is the default store, or gives `\"\"`", "is an error of the script; `\"\"` and `\"*\"` are the default store"},
	{"keys of scripts", "share the store with those of the server", "have key spaces of their own"},
	{"`key_set` in Sieve", "takes a lifetime as a number only; text means none", "takes seconds as number or text, and text such as `\"1h\"`"},
	{"a value that `key_set` of an expression stored", "is text that Sieve cannot always read", "is read by all languages"},
	{"`sort`", "turned the order around in 0.11", "the second argument is: ascending"},
	{"`split`, `rsplit`, `split_n` with an empty separator", "split between all characters", "give the text alone"},
	{"`is_ip_in_cidr` with what is no network", "is false", "is an error that names it"},
	{"text such as `inf` or `nan` beside a number", "is a number", "is 0"},
	{"an array where a number is wanted", "is 1 or 0, the wrong way around", "is 0"},
	{"regular expressions", "`\\d` `\\w` `\\s` `\\b` know Unicode; `(?x)` and `&&` in classes", "RE2 as in Go: these know ASCII, write `\\p{Nd}` or `\\pL` for more; at most 4 KiB"},
	{"the pattern of `matches`", "is a literal", "may be any expression; a literal is compiled once"},
	{"`remote_port`, `local_ip`, `local_port`", "are of the connection", "are errors when a script is compiled: the connection is that of the mail server in front"},
	{"`asn`, `country`, `env.asn`, `env.country`", "come from a table of addresses", "are 0 and `\"\"`, as without such a table"},
	{"`config_get`, `metric`, `llm_prompt`, `var_names`, variables of queues and of HTTP, `$TAG`", "are there", "are errors when a script is compiled"},
	{"`detect_file_type`, `img_metadata`", "look at the part that a loop is at", "the same in Sieve; in files they are given what they look at"},
	{"`exec`", "runs any program", "is not there; `vnd.dovecot.execute` runs those of a folder"},
	{"`http_header`", "asks any host", "asks allowed hosts only"},
	{"`sql_query`", "asks the default store where none is named; placeholders are those of the database", "asks stores with `sql = true` alone; `?` is a placeholder everywhere"},
	{"directories of `is_local_domain` and `is_local_address`", "are looked at (up to 0.15)", "are taken and left out: accounts are one directory"},
	{"assigning to `envelope.*`", "changes the envelope", "is an error when a script is compiled: the envelope is that of the mail server in front"},
	{"`env.spf.result`, `env.dkim.*`, `env.dmarc.*`", "are known", "are asked for when they are read, by administrators' scripts at stages that can know them, and `\"\"` elsewhere; `env.spf_ehlo.result` and `env.arc.result` are always `\"\"`"},
	{"`reject` with a code in front", "is sent as it is", "a code that begins with 4 makes it a temporary failure; the codes are taken off the text"},
	{"values that are too long for a variable", "are cut; users' at 4 KiB", "text is cut at `variable-size`; arrays count as memory"},
	{"`while` in users' scripts", "is not there", "is there; steps and time bound it"},
	{"functions of Sluice", "", "all of them may be called, with their own names; what they return as truth is 1 or 0, null is `\"\"`, and an element of a map is `m['key']`"},
}
