// Made from the function table by `go test ./runtime -run Reference -update`; do not edit it by hand.

/** What scripts and functions exchange. An int beyond 2^53 is a bigint, bytes are a Uint8Array. */
type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | { [key: string]: Value };

/** Seconds, or text such as "90s", "15m", "24h", "30d". */
type Duration = number | string;

/**
 * Returns a number without its sign.
 *
 * @param number number
 * @example abs(-3) // 3
 * @example abs(2.5) // 2.5
 */
declare function abs(number: number | bigint): number | bigint;

/**
 * Says that the peer may go on, and that no later script of this stage is asked. It changes nothing of what becomes of the message: the implicit keep stands, and the scripts of later stages run. To refuse in the same script is an error, a `tempfail` wins.
 *
 * @remarks Stages: connect, ehlo, mail, rcpt, data, deliver.
 * @example accept() // true
 * @example accept() // true
 */
declare function accept(): boolean;

/**
 * Returns the name of the account that the recipient belongs to; `""` if there is none.
 *
 * @example account() // "bob"
 * @example account() // ""
 */
declare function account(): string;

/**
 * Adds a header field at the top, as `header_add` does; it has the name that Stalwart gives it. What is read and stored from now on, by later scripts too, has the edited header; a refusal and the peer see nothing of it.
 *
 * @param name name of the header field, without case
 * @param value text; it is encoded where it has to be, and folded; at most 2048 octets, which can be set
 * @remarks Stages: data, deliver, imap.
 * @example add_header("X-Spam", "yes") // true
 * @example header("X-Tag") // "zero"
 */
declare function add_header(name: string, value: string): boolean;

/**
 * Returns what `attachments` says of one attachment, null if there is no such one. Only that one is decoded.
 *
 * @param index which attachment, from 1; -1 is the last
 * @remarks Stages: data, deliver, imap.
 * @example attachment(2) // {"index": 2, "name": "grün.bin", "type": "application/octet-stream", "size": 5, "hash": "08bb5e5d6eaac1049ede0893d30ed022b1a4d9b5b48db414871f51c9cb35283d", "path": "3"}
 * @example attachment(4) // null
 */
declare function attachment(index: number | bigint): { [key: string]: Value } | null;

/**
 * Returns the octets of an attachment, its transfer encoding undone; null if there is no such one. More octets than `max`, or than a run may make of text, are cut off.
 *
 * @param index which attachment, from 1; -1 is the last
 * @param max octets
 * @remarks Stages: data, deliver, imap.
 * @example len(attachment_content(2)) // 5
 * @example len(attachment_content(2, 3)) // 3
 */
declare function attachment_content(index: number | bigint, max?: number | bigint | null): Uint8Array | null;

/**
 * Returns the file name that a part has, decoded to text, without folders and control characters; `""` if it has none, and where there is no such part.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1
 * @remarks Stages: data, deliver, imap.
 * @example attachment_name("3") // "grün.bin"
 * @example attachment_name("1.1") // ""
 */
declare function attachment_name(path: string): string;

/**
 * Returns the file names that the parts of the message have, decoded to text, without folders and control characters; at most 1000.
 *
 * @remarks Stages: data, deliver, imap.
 * @example attachment_names() // []
 * @example attachment_names() // ["list.csv", "grün.bin"]
 */
declare function attachment_names(): Value[];

/**
 * Returns the text of an attachment of type text, decoded to UTF-8, HTML without its markup; `""` for others, and where there is none. At most what a run may make of text.
 *
 * @param index which attachment, from 1; -1 is the last
 * @remarks Stages: data, deliver, imap.
 * @example attachment_text(1) // "name;town\r\nJörg;Köln\r\n"
 * @example attachment_text(2) // ""
 */
declare function attachment_text(index: number | bigint): string;

/**
 * Returns the attachments of the message, at most 1000: maps with the `index` (from 1), the `name` of the file, the `type` that is declared, the `size` of the content in octets, its SHA-256 `hash` in hex digits, and the `path` of the part. An attachment is a part with a file name, one that is called so, or anything but plain text and HTML; those of messages in the message count too. All of them are decoded, once a run.
 *
 * @remarks Stages: data, deliver, imap.
 * @example attachments() // []
 * @example count(attachments()) // 3
 */
declare function attachments(): Value[];

/**
 * Returns the value of an Authentication-Results field (RFC 8601) with what `spf_check()`, `dkim_verify()` and `dmarc_check()` say, under the name of this server; before there is a message only SPF. It is one line. Fields of the same name that came with the message should be deleted if they bear this server's name: nobody else may write under it.
 *
 * @remarks Administrators' scripts only.
 * @example auth_results_header() // "mail.example.org; spf=pass smtp.mailfrom=alice@example.net; dkim=none; dmarc=pass policy.dmarc=reject header.from=example.net"
 * @example starts_with(auth_results_header(), "mail.example.org; spf=pass ") // true
 */
declare function auth_results_header(): string;

/**
 * Returns the user that the client logged in as; `""` if it did not.
 *
 * @example authenticated_user() // ""
 * @example authenticated_user() // ""
 */
declare function authenticated_user(): string;

/**
 * Returns an envelope sender without what is put around it on its way: the tag of BATV (`prvs=`) is taken off, and the rewriting of SRS (`SRS0`, `SRS1`) undone. Signatures are not checked: the result says whom the sender names, not who sent. With fold, runs of digits in the local part become `#` too, as a mailing list with VERP or serial numbers in its senders is one sender to greylists and counters. Any other address is returned as it is. A list gives a list.
 *
 * @param address envelope sender, or a list of such
 * @param fold true: fold digits
 * @example bare_sender("prvs=2419a5b3c1=eve@example.org") // "eve@example.org"
 * @example bare_sender("SRS0=HHHH=TT=example.org=eve@forward.example") // "eve@example.org"
 */
declare function bare_sender(address: Value, fold?: boolean | null): Value;

/**
 * Returns what base64 holds. Both alphabets are understood, with or without padding; white space does not count.
 *
 * @param text encoded text
 * @param bytes true: as bytes, whatever they are; else as text, in which U+FFFD stands for what is no UTF-8
 * @example base64_decode("Z3LDvG4=") // "grün"
 * @example base64_decode("YT8-") // "a?>"
 */
declare function base64_decode(text: string, bytes?: boolean | null): Value;

/**
 * Returns data in base64 (RFC 4648) on one line.
 *
 * @param data text, or bytes
 * @param variant `standard`, with padding, or `url`: `-` and `_`, without padding
 * @example base64_encode("grün") // "Z3LDvG4="
 * @example base64_encode("") // ""
 */
declare function base64_encode(data: Value, variant?: string | null): string;

/**
 * Compares the message of the run, or a text, with what was learnt, and returns a map: `score` (0 is ham, 1 is spam; null while fewer than `min_learns` messages of either class are learnt, 0.5 if fewer than 11 tokens say something), `spam` (score of 0.9 or more), `ham` (0.1 or less), `tokens` (how many the score stands on), `learned_spam` and `learned_ham` (messages). Tokens are words and pairs of neighbours, of the decoded text, of what HTML shows, of links, and of Subject, From, Reply-To, the mailer's name and which fields of replies and lists are there; at most 999 of the first 128 KiB. The 200 strongest count. A user's script has the model of its account, an administrator's the one for everybody, or that of the account in the options. Each 100 tokens count as one more operation of the run.
 *
 * @param text what is read in place of the message of the run
 * @param options `account`: for administrators, the id of the account whose model is meant, or the name of the recipient's account; left out, the model for everybody; `min_learns`: how many messages of each class have to be learnt before there is a score, 200 if left out, at least 1
 * @example bayes_classify("cheap pills") // {"score": null, "spam": false, "ham": false, "tokens": 0, "learned_spam": 0, "learned_ham": 0}
 * @example bayes_classify().spam // false
 */
declare function bayes_classify(text?: string | null, options?: { [key: string]: Value } | null): { [key: string]: Value } | null;

/**
 * Learns the message of the run, or a text, as spam or ham, and says whether it did. What was learnt in that class before is not learnt again, and what was learnt in the other is taken back there: messages with the same tokens are the same message. It is remembered for 366 days. False also where there is no word to learn. A user's script has the model of its account, an administrator's the one for everybody, or that of the account in the options. Each 100 tokens count as one more operation of the run. A user's model takes 100,000 messages; `account` in a user's script is an error.
 *
 * @param class_ `spam` or `ham`
 * @param text what is read in place of the message of the run
 * @param options `account`: for administrators, the id of the account whose model is meant, or the name of the recipient's account; left out, the model for everybody
 * @example bayes_train("spam") // true
 * @example bayes_train("spam", "cheap pills") // true
 */
declare function bayes_train(class_: string, text?: string | null, options?: { [key: string]: Value } | null): boolean;

/**
 * Takes back that the message of the run, or a text, was learnt as spam or ham, and says whether it did: false where it was not learnt in that class. A user's script has the model of its account, an administrator's the one for everybody, or that of the account in the options. Each 100 tokens count as one more operation of the run.
 *
 * @param class_ `spam` or `ham`
 * @param text what is read in place of the message of the run
 * @param options `account`: for administrators, the id of the account whose model is meant, or the name of the recipient's account; left out, the model for everybody
 * @example bayes_untrain("spam") // true
 * @example bayes_untrain("ham", "cheap pills") // false
 */
declare function bayes_untrain(class_: string, text?: string | null, options?: { [key: string]: Value } | null): boolean;

/**
 * Returns the first part of type text/html that is no attachment, decoded to text and with its markup; `""` if there is none. At most what a run may make of text.
 *
 * @remarks Stages: data, deliver, imap.
 * @example body_html() // "<p>Hello <b>Bob</b></p>"
 * @example body_html() // ""
 */
declare function body_html(): string;

/**
 * Returns the first part of type text/plain that is no attachment, decoded to text, or else the first of type text; `""` if there is none. At most what a run may make of text.
 *
 * @remarks Stages: data, deliver, imap.
 * @example body_text() // "Hello Bob,\r\n1/2 price?\r\n"
 * @example body_text() // "Hello Bob"
 */
declare function body_text(): string;

/**
 * Returns what a person reads of the message: the first part of type text/plain, or else the text of the first of type text/html without its markup; `""` if there is neither. At most what a run may make of text.
 *
 * @remarks Stages: data, deliver, imap.
 * @example body_to_text() // "Hello Bob,\r\n1/2 price?\r\n"
 * @example body_to_text() // "Hello Bob"
 */
declare function body_to_text(): string;

/**
 * Returns the smallest int that is not below a number; a float that is beyond 64 bits as it is.
 *
 * @param number number
 * @example ceil(2.1) // 3
 * @example ceil(-2.9) // -2
 */
declare function ceil(number: number | bigint): number | bigint;

/**
 * Returns bytes of a charset as text. An unknown charset is taken as windows-1252.
 *
 * @param data text, or bytes
 * @param charset its name in mail, such as `"iso-8859-1"`
 * @example charset_decode(hex_decode("67fc", true), "iso-8859-1") // "gü"
 * @example charset_decode(hex_decode("80", true), "windows-1252") // "€"
 */
declare function charset_decode(data: Value, charset: string): string;

/**
 * Returns the name that the client greeted with.
 *
 * @example client_helo() // "mx.example.net"
 * @example client_helo() // ""
 */
declare function client_helo(): string;

/**
 * Returns the IP address of the client; `""` if it is not known.
 *
 * @example client_ip() // "192.0.2.25"
 * @example client_ip() // "192.0.2.25"
 */
declare function client_ip(): string;

/**
 * Returns the host name that the client's address has in DNS; `""` if it is not known.
 *
 * @example client_ptr() // "mx.example.net"
 * @example client_ptr() // "mx.example.net"
 */
declare function client_ptr(): string;

/**
 * Says whether the client came over TLS.
 *
 * @example client_tls() // true
 * @example client_tls() // true
 */
declare function client_tls(): boolean;

/**
 * Returns the elements of all lists as one list. A value that is no list counts as a list of one; null as an empty one.
 *
 * @param lists lists or values
 * @example concat([1], [2, 3]) // [1, 2, 3]
 * @example concat([1], "x", null, [[2]]) // [1, "x", [2]]
 */
declare function concat(...lists: (Value)[]): Value[] | null;

/**
 * Says whether a text holds a part, or any part of a list; or whether a list holds an element of the same kind and value. In expr the operator `contains` is another thing: it takes two texts.
 *
 * @param in_ text, or a list
 * @param what the part, a list of parts, or the element
 * @example contains("unsubscribe", "sub") // true
 * @example contains(["a", "b"], "c") // false
 */
declare function contains(in_: Value, what: Value): boolean;

/**
 * Says whether a text holds a part, or any part of a list; or whether a list holds a text as element: all but for the case of A to Z.
 *
 * @param in_ text, or a list
 * @param what the part, a list of parts, or the element
 * @example contains_ignore_case("FREE Money", "free") // true
 * @example contains_ignore_case(["Spam", "Ham"], "ham") // true
 */
declare function contains_ignore_case(in_: Value, what: Value): boolean;

/**
 * Returns how alike two lists are by how often each element stands in them: 1.0 if in the same proportions, 0.0 if they share none, or one is empty. Use `tokenize` to compare texts by words. 1 and 1.0 are one element. More than 65536 different elements are an error.
 *
 * @param a list, or text that counts as the list of its characters
 * @param b list or text
 * @example round(cosine_similarity(["buy", "now"], ["buy", "now"])) // 1
 * @example round(cosine_similarity(["buy"], ["sell"])) // 0
 */
declare function cosine_similarity(a: Value, b: Value): number;

/**
 * Returns the number of elements of a list; of any other value 1, or 0 if it is empty.
 *
 * @param value any value
 * @example count(["a", "b"]) // 2
 * @example count("") // 0
 */
declare function count(value: Value): number | bigint;

/**
 * Returns the number of characters of text. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example count_chars("grün") // 4
 * @example count_chars("") // 0
 */
declare function count_chars(text: Value): number | bigint;

/**
 * Returns the number of lower case letters of text. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example count_lowercase("Buy NOW") // 2
 * @example count_lowercase("1 2") // 0
 */
declare function count_lowercase(text: Value): number | bigint;

/**
 * Returns how many times a text holds a part; parts do not overlap.
 *
 * @param text text
 * @param part plain text, not empty
 * @example count_of("a, b, c", ",") // 2
 * @example count_of("aaa", "aa") // 1
 */
declare function count_of(text: string, part: string): number | bigint;

/**
 * Returns the number of white space characters of text. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example count_spaces("a b  c") // 3
 * @example count_spaces("a\tb\n") // 2
 */
declare function count_spaces(text: Value): number | bigint;

/**
 * Returns the number of upper case letters of text. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example count_uppercase("Buy NOW") // 4
 * @example count_uppercase("ÄÖü") // 2
 */
declare function count_uppercase(text: Value): number | bigint;

/**
 * Adds to many counters and returns their new numbers: for a list of keys, each of which gets 1, a list in their order; for a map of keys and what to add, a map. Each counter is changed by itself, as by `counter_incr`: others may see some changed and some not. A key that repeats in a list is added to as often. A counter that would overflow keeps its number and is an error, after the others were added to. More than 1000 keys end the run. Each 100 keys beyond the first 100 count as one more operation and write.
 *
 * @param store name of the store; `""` is the default one
 * @param counters list of keys, or map of keys and whole numbers
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example counter_add_many("", ["a", "b"]) // [1, 1]
 * @example counter_add_many("", {"a": 2, "b": -3}) // {"a": 2, "b": -3}
 */
declare function counter_add_many(store: string, counters: Value, ttl?: Duration | null): Value;

/**
 * Removes a counter and says whether it was there. It begins again at 0, with a new time.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example counter_delete("", "absent") // false
 * @example counter_delete("", "c") // true
 */
declare function counter_delete(store: string, key: string): boolean;

/**
 * Returns the number of a counter; 0 if there is none or its time is over. Counters and values never share a key.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example counter_get("", "absent") // 0
 * @example counter_get("", "c") // 5
 */
declare function counter_get(store: string, key: string): number | bigint;

/**
 * Returns the numbers of counters as a list in the order of keys, with 0 where there is none. More than 1000 keys end the run. Each 100 keys beyond the first 100 count as one more operation.
 *
 * @param store name of the store; `""` is the default one
 * @param keys at most 1000 keys, as for `key`
 * @example counter_get_many("", ["absent", "absent"]) // [0, 0]
 * @example counter_get_many("", ["b", "x", "a"]) // [-1, 0, 5]
 */
declare function counter_get_many(store: string, keys: Value[]): Value[];

/**
 * Adds to a counter and returns its new number. Its time begins with the first increment, and later ones do not prolong it: a counter with `"1h"` counts what happens within an hour.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param by what to add, 1 if left out; may be negative
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example counter_incr("", "c") // 1
 * @example counter_incr("", "c", -2, "1h") // 3
 */
declare function counter_incr(store: string, key: string, by?: number | bigint | null, ttl?: Duration | null): number | bigint;

/**
 * Returns the seconds that a counter has left, rounded up; 0 if it stays for ever, null if there is none.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example counter_ttl("", "absent") // null
 * @example counter_ttl("", "c") // 0
 */
declare function counter_ttl(store: string, key: string): number | bigint | null;

/**
 * Returns text as plain as it was meant, in lower case, to look for words in it: invisible characters and heaps of accents are taken out, styled, wide, circled and small-capital letters become plain ones, blanks of all kinds become spaces, and in words that mix Latin with letters that look like it (Cyrillic, Greek and others) these become Latin. Words of one script stay as they are. A list gives a list.
 *
 * @param text text, or a list of text
 * @example cure_text("𝓕𝓻𝓮𝓮 ｍｏｎｅｙ") // "free money"
 * @example cure_text("V\u200bi\u00adagra") // "viagra"
 */
declare function cure_text(text: Value): Value;

/**
 * Returns a time moved by an amount of a unit; below 0 is back. Seconds, minutes and hours are as long as they are; days and more keep the time of day in the zone, whatever summer time does, and a day that the month does not have is its last one.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param amount how many
 * @param unit second, minute, hour, day, week, month or year, with an s perhaps
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example date_add(0, 90, "minutes") // 5400
 * @example date_add(0, -1, "day") // -86400
 */
declare function date_add(time: number | bigint, amount: number | bigint, unit: string, zone?: string | null): number | bigint;

/**
 * Returns a time as text. A format is `rfc3339`, `rfc5322`, `date` (2026-01-31), `time` (23:59:59), or a text with these in it: `%Y` year, `%y` its last two digits, `%m` month, `%d` day, `%e` day without zero, `%j` day of the year, `%H` hour, `%I` hour of 12, `%p` AM or PM, `%M` minute, `%S` second, `%a` `%A` weekday in short and full, `%u` weekday as 1 (Monday) to 7, `%w` as 0 (Sunday) to 6, `%b` `%B` month in short and full, `%G` `%V` year and week of ISO 8601, `%z` offset, `%Z` name of the zone, `%s` unix seconds, `%F` `%Y-%m-%d`, `%T` `%H:%M:%S`, `%%` a percent sign. Names are English.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param format see above; left out: rfc3339
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example date_format(1767225600) // "2026-01-01T00:00:00Z"
 * @example date_format(1767225600, "rfc5322", "Europe/Berlin") // "Thu, 01 Jan 2026 01:00:00 +0100"
 */
declare function date_format(time: number | bigint, format?: string | null, zone?: string | null): string;

/**
 * Returns the time that text names in unix seconds, or null if it is no date: a date of mail (RFC 5322, with the liberties of old mail), an RFC 3339 timestamp, or a date alone, such as `2026-01-31`, with a time behind it perhaps. Parts of a second are cut off.
 *
 * @param text text
 * @param zone of a date and time that names none
 * @example date_parse("Thu, 1 Jan 2026 01:00:00 +0100") // 1767225600
 * @example date_parse("2026-01-01T00:00:00Z") // 1767225600
 */
declare function date_parse(text: string, zone?: string | null): number | bigint | null;

/**
 * Returns a part of a time. Parts that are ints: `year`, `month`, `day`, `hour`, `minute`, `second`, `weekday` (0 is Sunday), `yearday` (from 1), `week` and `weekyear` (ISO 8601), `julian` (the modified Julian day), `offset` (seconds east of UTC). Texts: `date`, `time`, `zone`, `iso8601`, `std11`, as Sieve's date test has them.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param part name of the part
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example date_part(1767225600, "year") // 2026
 * @example date_part(1767225600, "hour", "+0530") // 5
 */
declare function date_part(time: number | bigint, part: string, zone?: string | null): Value;

/**
 * Returns the time at which the minute, hour, day, week (Monday), month or year of a time begins in the zone.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param unit second, minute, hour, day, week, month or year, with an s perhaps
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example date_start(1767229261, "hour") // 1767229200
 * @example date_start(1767229261, "day") // 1767225600
 */
declare function date_start(time: number | bigint, unit: string, zone?: string | null): number | bigint;

/**
 * Notes a text in the record of the run, where `sluice explain` and `sluice run` show it; nothing else happens. At most 100 notes a run are kept, and 1 KiB of each. Returns false where it was dropped.
 *
 * @param text what is to be noted
 * @param kind debug, or problem for what could not be decided
 * @example debug_log("here we are") // true
 * @example debug_log("no such list", "problem") // true
 */
declare function debug_log(text: string, kind?: string | null): boolean;

/**
 * Returns the text of a header field with its encoded words (RFC 2047) decoded. What is broken or of an unknown charset stays as it is.
 *
 * @param text encoded text
 * @example decode_words("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= there") // "Grüße there"
 * @example decode_words("=?iso-8859-1?B?/A==?=") // "ü"
 */
declare function decode_words(text: string): string;

/**
 * Returns the unique elements of the list: of equal ones the first stays. Equal are values of the same kind and content.
 *
 * @param list list
 * @example dedup(["a", "b", "a"]) // ["a", "b"]
 * @example dedup([1, "1", 1]) // [1, "1"]
 */
declare function dedup(list: Value[]): Value[];

/**
 * Returns what content is by its first 3 KiB, whatever its name says: a media type without parameters (`mime`), or the usual ending of its files without the dot (`ext`). What is not known is `application/octet-stream` with the ending `""`; of nothing both are `""`.
 *
 * @param octets bytes, or text for its octets
 * @param form `mime` or `ext`
 * @example detect_file_type("%PDF-1.7\n", "mime") // "application/pdf"
 * @example detect_file_type("%PDF-1.7\n", "ext") // "pdf"
 */
declare function detect_file_type(octets: Value, form?: string | null): string;

/**
 * Returns the code of the language a text is written in, by its script and the frequency of its letters; `""` if that is unsure, as it is for short texts. The first 16 KiB are looked at.
 *
 * @param text text
 * @param code `639-1` for two letters (`en`), or `""` for a language that has no such code; `639-3` for three (`eng`)
 * @example detect_language("The quick brown fox jumps over the lazy dog, and nobody was surprised by what happened then.") // "en"
 * @example detect_language("Wir freuen uns sehr, dass Sie sich für unsere neue Ausstellung interessieren, die im Mai beginnt.") // "de"
 */
declare function detect_language(text: string, code?: string | null): string;

/**
 * Cancels the implicit keep. What is filed or sent on elsewhere still is.
 *
 * @remarks Stages: data, deliver, imap.
 * @example discard() // true
 * @example discard() // error: discard is not lawful at stage connect; it is at data, deliver, imap
 */
declare function discard(): boolean;

/**
 * Verifies the DKIM signatures of the message as it came, in the order of the header, at most eight of them: a list of maps with `result` (pass, fail, policy, temperror, permerror), `domain`, `selector`, `identity`, `algorithm`, `partial`, `testing` and `error`. It is empty for a message without signatures. RSA keys below 1024 bits and SHA-1 fail. A signature with `l=` covers a part of the body only: it is `partial`, and its result is policy. `testing` says that the domain only tries DKIM out.
 *
 * @remarks Stages: data, deliver, imap.
 * @remarks Administrators' scripts only.
 * @example dkim_verify() // []
 * @example is_empty(dkim_verify()) // true
 */
declare function dkim_verify(): Value[];

/**
 * Says whether the domain of the From field vouches for the message (DMARC), by SPF or by a signature: a map with `result` (pass, fail, none, temperror, permerror), `policy` (what the domain wants done with mail that fails: none, quarantine, reject; `""` without a record), `disposition` (what it wants done with this message, where `pct` may be milder; none unless the result is fail), `domain`, `spf_aligned` and `dkim_aligned`. A From field that is not there just once, or names several domains, is permerror. It makes the checks of `spf_check()` and `dkim_verify()` if they were not made.
 *
 * @remarks Stages: data, deliver, imap.
 * @remarks Administrators' scripts only.
 * @example dmarc_check() // {"result": "pass", "policy": "reject", "disposition": "none", "domain": "example.net", "spf_aligned": true, "dkim_aligned": false}
 * @example dmarc_check("example.net") // error: dmarc_check: called with 1 argument, takes 0: dmarc_check() -> map
 */
declare function dmarc_check(): { [key: string]: Value };

/**
 * Says whether a name has records of a type. A temporary failure is an error. (Stalwart's function of this name returns 1, 0, and -1 for a temporary failure.)
 *
 * @param name name, with or without a dot at its end; letters beyond ASCII are converted (IDNA). For `ptr` an IP address, too
 * @param type `a`, `aaaa`, `ip` (a, then aaaa), `mx`, `txt`, `ptr`, `ns`, `cname` or `tlsa`; `ipv4` and `ipv6` are `a` and `aaaa`; left out: `ip`
 * @remarks Administrators' scripts only.
 * @example dns_exists("example.net", "mx") // true
 * @example dns_exists("mx1.example.net") // true
 */
declare function dns_exists(name: string, type?: string | null): boolean;

/**
 * Asks as `dns_query` does and returns a map: `status` is `ok`, `nxdomain` (there is no such name), `nodata` (the name is there, and has no such record) or `tempfail` (it could not be found out); `records` is a list, for `mx` of maps with `preference` and `host`, for `tlsa` of maps with `usage`, `selector`, `matching` and `data` (hex digits), else of texts; `ttl` is for how many seconds that holds; `secure` says whether the server that was asked checked it by DNSSEC, which is worth as much as the way to that server.
 *
 * @param name name, with or without a dot at its end; letters beyond ASCII are converted (IDNA). For `ptr` an IP address, too
 * @param type `a`, `aaaa`, `ip` (a, then aaaa), `mx`, `txt`, `ptr`, `ns`, `cname` or `tlsa`; `ipv4` and `ipv6` are `a` and `aaaa`
 * @remarks Administrators' scripts only.
 * @example dns_lookup("www.example.net", "a") // {"status": "ok", "records": ["192.0.2.80"], "ttl": 300, "secure": false}
 * @example dns_lookup("example.net", "mx") // {"status": "ok", "records": [{"preference": 10, "host": "mx1.example.net"}, {"preference": 20, "host": "mx2.example.net"}], "ttl": 60, "secure": false}
 */
declare function dns_lookup(name: string, type: string): { [key: string]: Value };

/**
 * Returns the names of an IP address whose own addresses lead back to it. Of its PTR records the first 10 are looked at, and each counts as an operation. The list is empty where there are none, and where the text is no IP address. It is an error if no name is found for a temporary failure.
 *
 * @param ip IP address
 * @remarks Administrators' scripts only.
 * @example dns_ptr_names("192.0.2.25") // ["mx1.example.net"]
 * @example dns_ptr_names("2001:db8::25") // ["mx1.example.net"]
 */
declare function dns_ptr_names(ip: string): Value[];

/**
 * Returns the records that a name has of a type, as texts: addresses; host names in lower case, those of `mx` by preference (`"."` says that the domain takes no mail); of a `txt` record all its strings as one; of `tlsa` usage, selector, matching type and hex digits. The list is empty where there is no such name or no such record, also where the text cannot be a name. A temporary failure (no answer, SERVFAIL) is an error, which the script's `on-store-error` covers; `dns_lookup` tells it in its result.
 *
 * @param name name, with or without a dot at its end; letters beyond ASCII are converted (IDNA). For `ptr` an IP address, too
 * @param type `a`, `aaaa`, `ip` (a, then aaaa), `mx`, `txt`, `ptr`, `ns`, `cname` or `tlsa`; `ipv4` and `ipv6` are `a` and `aaaa`
 * @remarks Administrators' scripts only.
 * @example dns_query("example.net", "mx") // ["mx1.example.net", "mx2.example.net"]
 * @example dns_query("mx1.example.net.", "ip") // ["192.0.2.25", "2001:db8::25"]
 */
declare function dns_query(name: string, type: string): Value[];

/**
 * Asks a block list of the DNS about an IP address or a domain and returns the codes of its answer, such as `127.0.0.2`, sorted; the list is empty where it is not listed. IPv4 addresses are asked for by their reversed octets, IPv6 addresses by their reversed hex digits (RFC 5782). Answers outside 127.0.0.0/8, as of a zone that was given up, are left out and noted as a problem. 127.255.255.x is how a list says that it does not answer this server, and a temporary failure; so is no answer: both are errors.
 *
 * @param subject IP address or domain
 * @param zone zone of the list, such as `zen.spamhaus.org`
 * @remarks Administrators' scripts only.
 * @example dnsbl("192.0.2.66", "bl.example") // ["127.0.0.2", "127.0.0.10"]
 * @example dnsbl("192.0.2.25", "bl.example") // []
 */
declare function dnsbl(subject: string, zone: string): Value[];

/**
 * Returns a part of a domain name, in lower case. `tld` is the public suffix under which names are registered (`co.uk`), by the public suffix list with the private domains in it (`github.io`), or the last label where the list has none. `sld` is that with one label in front, which is what an owner registered. `host` is the first label if there are several. `""` if there is no such part, and for IP addresses and what is no domain name. A list gives a list.
 *
 * @param domain domain name, in ASCII or not, or a list of such
 * @param part `sld`, `tld` or `host`
 * @example domain_part("mail.example.co.uk", "sld") // "example.co.uk"
 * @example domain_part("mail.example.co.uk", "tld") // "co.uk"
 */
declare function domain_part(domain: Value, part: string): Value;

/**
 * Returns how many seconds a duration has: numbers with the units ms, s, m, h, d (24 hours) and w behind them, such as `1h30m` or `1.5h`, with spaces perhaps and a sign in front; a number alone is seconds. It is an int if there is no part of a second.
 *
 * @param text text, or a number of seconds
 * @example duration("1h30m") // 5400
 * @example duration("15m") // 900
 */
declare function duration(text: Value): number | bigint;

/**
 * Returns seconds as a duration, in days, hours, minutes and seconds. Parts of a second are cut off.
 *
 * @param seconds seconds
 * @example duration_text(5400) // "1h30m"
 * @example duration_text(0) // "0s"
 */
declare function duration_text(seconds: number | bigint): string;

/**
 * Returns a part of an address: what stands in front of the last @ (`local`) or behind it (`domain`), or the local part up to its first + (`user`) or behind it (`detail`). Blanks around it are taken off, nothing else is changed. `""` if there is no such part. A list gives a list.
 *
 * @param address address, without name and brackets, or a list of such
 * @param part `local`, `domain`, `user` or `detail`
 * @example email_part("eve@example.org", "domain") // "example.org"
 * @example email_part("eve@example.org", "local") // "eve"
 */
declare function email_part(address: Value, part: string): Value;

/**
 * Says whether text ends with part, or with any part of a list.
 *
 * @param text text
 * @param part plain text, or a list of which any one will do
 * @example ends_with("a@example.org", "@example.com") // false
 * @example ends_with("setup.exe", [".exe", ".scr"]) // true
 */
declare function ends_with(text: string, part: Value): boolean;

/**
 * Returns an ESMTP parameter of MAIL (`from`) or RCPT (`to`); null if there is none.
 *
 * @param of `from` or `to`
 * @param name name of the parameter, upper case
 * @example envelope_param("from", "BODY") // "8BITMIME"
 * @example envelope_param("to", "NOTIFY") // null
 */
declare function envelope_param(of: string, name: string): string | null;

/**
 * Says whether text and part are equal but for the case of A to Z, or text and any part of a list.
 *
 * @param text text
 * @param part plain text, or a list of which any one will do
 * @example eq_ignore_case("Example.ORG", "example.org") // true
 * @example eq_ignore_case("Ü", "ü") // false
 */
declare function eq_ignore_case(text: string, part: Value): boolean;

/**
 * Refuses the message for good in the dialogue with the peer, and never by a message of its own.
 *
 * @param reason text for the sender; at most 8 KiB of it are used
 * @remarks Stages: connect, ehlo, mail, rcpt, data, deliver.
 * @example ereject("not today") // true
 * @example ereject("no") // true
 */
declare function ereject(reason: string): boolean;

/**
 * Returns the first entries of an external list, null if there is no such list.
 *
 * @param list name of the list, as the administrator has configured it
 * @param most how many; at most 1000
 * @example ext_list_entries("tag:example.org,2026:none") // null
 */
declare function ext_list_entries(list: string, most?: number | bigint | null): Value[] | null;

/**
 * Returns the place of the first of some values that an external list holds, -1 if it holds none, null if there is no such list. Values are compared without the case of ASCII letters.
 *
 * @param list name of the list, as the administrator has configured it
 * @param values texts
 * @example ext_list_find("tag:example.org,2026:none", ["a@example.org"]) // null
 */
declare function ext_list_find(list: string, values: Value[]): number | bigint | null;

/**
 * Says whether there is an external list of that name.
 *
 * @param list name of the list, as the administrator has configured it
 * @example ext_list_valid("tag:example.org,2026:none") // false
 */
declare function ext_list_valid(list: string): boolean;

/**
 * Stores the message in a mailbox. Options: `flags` (list of IMAP flags; those of `flag_add` and its like if it is left out), `create` (make the mailbox if it is not there), `copy` (leave the implicit keep alone).
 *
 * @param mailbox path of the mailbox, its parts separated by `/`
 * @param options any of flags, create, copy
 * @remarks Stages: data, deliver, imap.
 * @example fileinto("Lists") // true
 * @example fileinto("Archive", {"copy": true, "create": true, "flags": ["$Done"]}) // true
 */
declare function fileinto(mailbox: string, options?: { [key: string]: Value } | null): boolean;

/**
 * Returns the first element of a list, or null if it has none.
 *
 * @param list list
 * @example first(["a", "b"]) // "a"
 * @example first([]) // null
 */
declare function first(list: Value[]): Value;

/**
 * Adds IMAP flags to those of what is stored; case makes no difference. They count for the implicit keep, and for every `keep` and `fileinto` from now on that names no flags. They begin with what earlier scripts have set. Returns the flags that are set now; at most 64 are kept.
 *
 * @param flags an IMAP flag such as "\\Seen" or "$Label", several with blanks between them, or a list of them
 * @remarks Stages: data, deliver, imap.
 * @example flag_add("$Label") // ["$Label"]
 * @example flag_add(["\\Flagged", "$a"]) // ["$A", "\\Flagged"]
 */
declare function flag_add(flags: Value): Value[];

/**
 * Returns the IMAP flags that what is stored gets where no others are named; see `flag_set`.
 *
 * @remarks Stages: data, deliver, imap.
 * @example flag_list() // []
 * @example flag_list() // ["$A"]
 */
declare function flag_list(): Value[];

/**
 * Takes IMAP flags off those of what is stored; case makes no difference. They count for the implicit keep, and for every `keep` and `fileinto` from now on that names no flags. They begin with what earlier scripts have set. Returns the flags that are set now; at most 64 are kept.
 *
 * @param flags an IMAP flag such as "\\Seen" or "$Label", several with blanks between them, or a list of them
 * @remarks Stages: data, deliver, imap.
 * @example flag_remove("$a") // ["$B"]
 * @example flag_remove("$None") // []
 */
declare function flag_remove(flags: Value): Value[];

/**
 * Sets the IMAP flags of what is stored to these alone. They count for the implicit keep, and for every `keep` and `fileinto` from now on that names no flags. They begin with what earlier scripts have set. Returns the flags that are set now; at most 64 are kept.
 *
 * @param flags an IMAP flag such as "\\Seen" or "$Label", several with blanks between them, or a list of them
 * @remarks Stages: data, deliver, imap.
 * @example flag_set("\\Seen") // ["\\Seen"]
 * @example flag_set([]) // []
 */
declare function flag_set(flags: Value): Value[];

/**
 * Returns a value as a float: an int, or the number that a text spells, with point and exponent perhaps. White space around a text does not count. Without otherwise, what is no number is an error. In JavaScript, 2.0 is 2.
 *
 * @param value any value
 * @param otherwise what to return for a value that is none
 * @example float("2.5") // 2.5
 * @example float(" -1e-3 ") // -0.001
 */
declare function float(value: Value, otherwise?: Value | null): Value;

/**
 * Returns the largest int that is not above a number; a float that is beyond 64 bits as it is.
 *
 * @param number number
 * @example floor(2.9) // 2
 * @example floor(-2.1) // -3
 */
declare function floor(number: number | bigint): number | bigint;

/**
 * Returns a pattern with each `{}` replaced by the next value, or `{1}` by the first one, and so on. Behind a colon may stand a width, with a zero in front to fill with zeros, and behind a point the digits of a fraction: `{:08.2}`. Texts stand at the left of their width, numbers at the right. `{{` and `}}` are braces. Lists and maps are written as JSON.
 *
 * @param pattern text with places for values
 * @param values any values
 * @example format("{} of {}", 3, "ten") // "3 of ten"
 * @example format("{2}-{1}", "a", "b") // "b-a"
 */
declare function format(pattern: string, ...values: (Value)[]): string;

/**
 * Returns the value of a map under a name, or the element of a list with an index, counted from 0, or below 0 from the end. A list of names and indexes is a way through maps and lists in each other. What is not there, or lies in something that has no parts, is otherwise.
 *
 * @param in_ map, list or anything else
 * @param key name, index, or a list of them
 * @param otherwise what to return if it is not there; left out: null
 * @example get({"a": 1}, "a") // 1
 * @example get({"a": 1}, "b", 0) // 0
 */
declare function get(in_: Value, key: Value, otherwise?: Value | null): Value;

/**
 * Asks whether what key names (such as network, sender and recipient) has come again after a while, and returns a map: `allowed`, `first_seen` (unix seconds of the try that counts as the first) and `seconds_left` (until a try is allowed, rounded up; 0 if allowed). A first try, and each one before `delay` is over, is not allowed and changes nothing but that it was seen; one after it is, and from then on all are, until none came for `lifetime`. A first try that nobody followed within `window` is forgotten. Keys are shared by all administrators' scripts; they are taken as they are, so fold case, networks and changing senders before.
 *
 * @param key any text of at least 1 octet
 * @param options `delay` (default `"5m"`; 0 lets any second try in), `window` (`"48h"`, more than delay) and `lifetime` (`"35d"`), as seconds or text; at most 366 days
 * @remarks Administrators' scripts only.
 * @example greylist("192.0.2.0/24 a@example.net b@example.org").allowed // false
 * @example greylist("k").seconds_left // 300
 */
declare function greylist(key: string, options?: { [key: string]: Value } | null): { [key: string]: Value };

/**
 * Says whether text holds a digit 0 to 9. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example has_digits("route 66") // true
 * @example has_digits("²") // false
 */
declare function has_digits(text: Value): boolean;

/**
 * Says whether text holds characters that show nothing or change the direction of others: those of `has_zwsp`, soft hyphens, overrides and isolates of direction, fillers, tags. Marks of direction do not count in text that has letters written from right to left, and selectors and tags not within emoji.
 *
 * @param text text
 * @example has_obscured("invoice\u202efdp.exe") // true
 * @example has_obscured("via\u00adgra") // true
 */
declare function has_obscured(text: string): boolean;

/**
 * Says whether text holds a zero-width space, non-joiner, joiner, word joiner or byte order mark. The joiners do not count where they belong: within emoji, and between letters of scripts that are written with them, such as Arabic and Devanagari.
 *
 * @param text text
 * @example has_zwsp("via\u200bgra") // true
 * @example has_zwsp("viagra") // false
 */
declare function has_zwsp(text: string): boolean;

/**
 * Returns the hash of data, in hex digits unless another form is asked for. An unknown algorithm is an error, where Stalwart gives `""`. md5, sha1 and crc32 keep nobody from making data with the same hash.
 *
 * @param data text, or bytes
 * @param algorithm md5, sha1, sha224, sha256, sha384, sha512, sha3-256, sha3-512, crc32
 * @param form `hex` (lower case), `base64`, `base64url` (without padding) or `bytes`
 * @example hash("sluice", "md5") // "56c4228bc58d4cdf3ff01c3fc6e84189"
 * @example hash("", "sha1") // "da39a3ee5e6b4b0d3255bfef95601890afd80709"
 */
declare function hash(data: Value, algorithm: string, form?: string | null): Value;

/**
 * Returns a header field decoded to text: unfolded, encoded words and raw octets in UTF-8, without outer blanks; `""` if there is none. Like all that reads a message, it sees the message as earlier scripts and this one have edited it.
 *
 * @param name name of the header field, without case
 * @param index which field of that name: 1 is the first from the top, -1 the last
 * @remarks Stages: data, deliver, imap.
 * @example header("Subject") // "Grüße from the example"
 * @example header("X-Absent") // ""
 */
declare function header(name: string, index?: number | bigint | null): string;

/**
 * Adds a header field, at the top or with `last` at the end; false if the name is protected, which can be set. `Subject` can always be added. What is read and stored from now on, by later scripts too, has the edited header; a refusal and the peer see nothing of it.
 *
 * @param name name of the header field, without case
 * @param value text; it is encoded where it has to be, and folded; at most 2048 octets, which can be set
 * @param last whether it goes to the end
 * @remarks Stages: data, deliver, imap.
 * @example header_add("X-Spam", "yes") // true
 * @example header_all("X-Tag") // ["zero", "one", "two"]
 */
declare function header_add(name: string, value: string, last?: boolean | null): boolean;

/**
 * Returns the addresses that stand in the header fields of that name as maps: `address`, its `local` part without quotes, the `domain` as it is written, the `detail` behind the first + of the local part, the `name` decoded to text (or the comment that stands with it), and the `group` that it is in. What is not said is `""`. At most 1000.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_address_parts("From") // [{"address": "alice@example.net", "local": "alice", "domain": "example.net", "detail": "", "name": "Alice Example", "group": ""}]
 * @example header_address_parts("From") // [{"address": "joerg+work@example.net", "local": "joerg+work", "domain": "example.net", "detail": "work", "name": "Jörg", "group": ""}]
 */
declare function header_address_parts(name: string): Value[];

/**
 * Returns the addresses that stand in the header fields of that name, without names and comments; what is no address is left out. At most 1000.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_addresses("To") // ["bob@example.org", "carol@example.com"]
 * @example header_addresses("Subject") // []
 */
declare function header_addresses(name: string): Value[];

/**
 * Returns all header fields of that name from the top on, decoded to text as `header` does; at most 1000.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_all("X-Tag") // ["one", "two"]
 * @example header_all("X-Absent") // []
 */
declare function header_all(name: string): Value[];

/**
 * Returns how many header fields of that name there are; without a name, how many fields the header has.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_count("X-Tag") // 2
 * @example header_count("X-Absent") // 0
 */
declare function header_count(name?: string | null): number | bigint;

/**
 * Returns the date of a header field in unix seconds, null if there is none or it cannot be read. Of a field such as Received the date behind the last semicolon counts.
 *
 * @param name name of the header field, without case
 * @param index which field of that name: 1 is the first from the top, -1 the last
 * @remarks Stages: data, deliver, imap.
 * @example header_date("Date") // 1767225600
 * @example header_date("Received") // 1767225605
 */
declare function header_date(name: string, index?: number | bigint | null): number | bigint | null;

/**
 * Deletes header fields of that name and returns how many. Options narrow them down: `index` (1 is the first, -1 the last), `is` (the whole decoded value), `contains` (a part of it, without case), `matches` (a regular expression that it has to have a match of); the index counts the fields of that name, and has to meet the others too. Received, Auto-Submitted and what the settings name are never deleted; Subject can be. What is read and stored from now on, by later scripts too, has the edited header; a refusal and the peer see nothing of it.
 *
 * @param name name of the header field, without case
 * @param options any of index, is, contains, matches
 * @remarks Stages: data, deliver, imap.
 * @example header_delete("X-Tag") // 2
 * @example header_delete("X-Absent") // 0
 */
declare function header_delete(name: string, options?: { [key: string]: Value } | null): number | bigint;

/**
 * Says whether there is a header field of that name, even an empty one.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_exists("List-Id") // true
 * @example header_exists("list-id") // true
 */
declare function header_exists(name: string): boolean;

/**
 * Returns the names of the header fields from the top on, as they are written, repeats with them; at most 1000.
 *
 * @remarks Stages: data, deliver, imap.
 * @example header_names() // ["From", "To", "Subject", "Date", "Message-ID", "List-Id", "X-Tag", "X-Tag", "MIME-Version", "Content-Type"]
 * @example includes(header_names(), "X-Tag") // true
 */
declare function header_names(): Value[];

/**
 * Returns a parameter of a header field such as Content-Type, decoded to text (RFC 2231); null if there is none. The parameter `""` is what stands in front of the first semicolon.
 *
 * @param name name of the header field, without case
 * @param parameter name of the parameter, without case
 * @param index which field of that name: 1 is the first from the top, -1 the last
 * @remarks Stages: data, deliver, imap.
 * @example header_param("Content-Type", "charset") // "utf-8"
 * @example header_param("Content-Type", "") // "text/plain"
 */
declare function header_param(name: string, parameter: string, index?: number | bigint | null): string | null;

/**
 * Returns a header field as it stands behind its colon: folded, not decoded, outer blanks and the last line end taken off; `""` if there is none. What is no UTF-8 stays as it is.
 *
 * @param name name of the header field, without case
 * @param index which field of that name: 1 is the first from the top, -1 the last
 * @remarks Stages: data, deliver, imap.
 * @example header_raw("X-Raw") // "=?utf-8?Q?gr=C3=BCn?="
 * @example header_raw("Subject") // "Three\r\n parts"
 */
declare function header_raw(name: string, index?: number | bigint | null): string;

/**
 * Returns all header fields of that name from the top on as `header_raw` does; at most 1000.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example header_raw_all("Subject") // ["=?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the example"]
 * @example header_raw_all("X-Absent") // []
 */
declare function header_raw_all(name: string): Value[];

/**
 * Puts a value in the place of the header fields of that name: the first keeps its place, the others go; where there is none, it is added at the end. With an index only that field is changed, and none if it is not there. Returns whether anything was done; a name that may not be added or deleted is left alone. Received and Auto-Submitted never are. What is read and stored from now on, by later scripts too, has the edited header; a refusal and the peer see nothing of it.
 *
 * @param name name of the header field, without case
 * @param value text; it is encoded where it has to be, and folded; at most 2048 octets, which can be set
 * @param index which field of that name: 1 is the first from the top, -1 the last
 * @remarks Stages: data, deliver, imap.
 * @example subject() // "[List] hello"
 * @example header_all("X-Tag") // ["only"]
 */
declare function header_replace(name: string, value: string, index?: number | bigint | null): boolean;

/**
 * Returns the octets that hex digits, in either case, stand for.
 *
 * @param text encoded text
 * @param bytes true: as bytes, whatever they are; else as text, in which U+FFFD stands for what is no UTF-8
 * @example hex_decode("C3bc21") // "ü!"
 * @example hex_decode("") // ""
 */
declare function hex_decode(text: string, bytes?: boolean | null): Value;

/**
 * Returns the octets of data in hex digits, in lower case.
 *
 * @param data text, or bytes
 * @example hex_encode("ü!") // "c3bc21"
 * @example hex_encode("") // ""
 */
declare function hex_encode(data: Value): string;

/**
 * Returns the keyed hash of data, such as a web service wants as a signature (RFC 2104).
 *
 * @param key text, or bytes
 * @param data text, or bytes
 * @param algorithm md5, sha1, sha224, sha256, sha384, sha512, sha3-256, sha3-512, crc32
 * @param form `hex` (lower case), `base64`, `base64url` (without padding) or `bytes`
 * @example hmac("Jefe", "what do ya want for nothing?", "md5") // "750c783e6ab0b503eaa86e310a5db738"
 * @example hmac("Jefe", "what do ya want for nothing?", "sha256") // "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
 */
declare function hmac(key: Value, data: Value, algorithm: string, form?: string | null): Value;

/**
 * Returns the name of this server.
 *
 * @example hostname() // "mail.example.org"
 * @example hostname() // "mail.example.org"
 */
declare function hostname(): string;

/**
 * Returns the values of an attribute in all elements of that name that have it, in order, entities decoded. At most 10,000 are returned.
 *
 * @param html HTML, closed or not
 * @param tag name of an element, without case
 * @param attribute name of the attribute, without case
 * @example html_attrs("<img src=a width=1><IMG SRC='b'>", "img", "src") // ["a", "b"]
 * @example html_attrs("<img src=a width=1><IMG SRC='b'>", "img", "width") // ["1"]
 */
declare function html_attrs(html: string, tag: string, attribute: string): Value[];

/**
 * Returns text as it stands in HTML: `<`, `>`, `&` and both quotes are written as entities.
 *
 * @param text text
 * @example html_escape("a<b & 'c'") // "a&lt;b &amp; &#39;c&#39;"
 * @example html_escape("ü") // "ü"
 */
declare function html_escape(text: string): string;

/**
 * Says whether HTML has an element of that name, outside of comments, scripts and styles.
 *
 * @param html HTML, closed or not
 * @param tag name of an element, without case
 * @example html_has_tag("<FORM action=x>", "form") // true
 * @example html_has_tag("<!-- <form> -->", "form") // false
 */
declare function html_has_tag(html: string, tag: string): boolean;

/**
 * Returns what HTML points at, in order, as maps of `tag` (a, area, img, form, iframe, link, ...), `url` as written, and `text`: what an anchor shows, or the alternative text of an image. At most 10,000 are returned.
 *
 * @param html HTML, closed or not
 * @example html_links("<a href='http://evil.example/?a&amp;b'>https://<b>bank</b>.example</a>") // [{"tag": "a", "url": "http://evil.example/?a&b", "text": "https://bank.example"}]
 * @example html_links("<img src=cid:1 alt=Logo>") // [{"tag": "img", "url": "cid:1", "text": "Logo"}]
 */
declare function html_links(html: string): Value[];

/**
 * Returns the text of HTML as people read it: no markup, comments, scripts, styles and heads, entities decoded, blanks joined, a line for each block. It is what Sieve's body test sees. A list gives a list.
 *
 * @param html HTML, closed or not, or a list of such
 * @example html_to_text("<p>Hello <b>Bob</b>,</p><p>see you &amp; yours</p>") // "Hello Bob,\nsee you & yours"
 * @example html_to_text("a<br>b") // "a\nb"
 */
declare function html_to_text(html: Value): Value;

/**
 * Returns text with HTML's entities replaced by what they stand for. Elements stay as they are.
 *
 * @param text encoded text
 * @example html_unescape("&lt;b&gt; &amp; &#252; &euro;") // "<b> & ü €"
 * @example html_unescape("&zzz; &") // "&zzz; &"
 */
declare function html_unescape(text: string): string;

/**
 * Fetches a URL with GET and returns a map: `status` is the number of the answer, whatever it is; `url` is what answered; `headers` is a map by names in lower case, several of one name joined by `, `; `body` is text, in which octets that are no UTF-8 are U+FFFD. `json_parse(body)` reads JSON. Only hosts that the administrator allows are asked, at public addresses unless others are allowed too. Redirects are followed on the same host only; one to another host is an error. Options: `headers` (map of Accept, Accept-Language, Authorization, If-Modified-Since, If-None-Match, User-Agent and what begins with X-), `timeout` and `max_size` (octets of the body), which cannot be over the server's own, `redirects` (false: a redirect is the answer), `bytes` (true: the body as octets). A body that is larger is an error. That the server cannot be reached or is too slow is a temporary failure, an error that the script's `on-store-error` covers. Records keep the URL and the body; of the fields that are sent, only those that hold no secrets. So a key belongs into a field.
 *
 * @param url `http` or `https`, without user and password
 * @param options any of headers, timeout, max_size, redirects, bytes
 * @remarks Administrators' scripts only.
 * @example http_get("https://api.example.net/ip?q=192.0.2.66") // {"status": 200, "url": "https://api.example.net/ip?q=192.0.2.66", "headers": {"content-type": "application/json"}, "body": "{\"risk\": 7}"}
 * @example http_get("https://api.example.net/absent", {"headers": {"X-Key": "k"}, "timeout": 1}) // {"status": 404, "url": "https://api.example.net/absent", "headers": {}, "body": "not here"}
 */
declare function http_get(url: string, options?: { [key: string]: Value } | null): { [key: string]: Value };

/**
 * Fetches a URL with GET, follows no redirect, and returns one header field of the answer, `""` if there is none: with `location`, where a short link leads. Hosts, addresses and failures are as in `http_get`.
 *
 * @param url `http` or `https`, without user and password
 * @param name name of the field, in any case
 * @param user_agent the User-Agent that is sent; left out: the server's
 * @param timeout milliseconds, as in Stalwart; at most, and if left out, the server's own
 * @remarks Administrators' scripts only.
 * @example http_header("https://short.example.net/x", "Location") // "https://www.example.org/long"
 * @example http_header("https://short.example.net/x", "x-absent", "checker/1", 5000) // ""
 */
declare function http_header(url: string, name: string, user_agent?: string | null, timeout?: number | bigint | null): string;

/**
 * Returns then if condition holds, else otherwise. Null, false, 0 and what is empty do not hold, all other values do. All three arguments are evaluated, whatever the condition is.
 *
 * @param condition any value
 * @param then any value
 * @param otherwise any value; left out: null
 * @example if_then(true, "yes", "no") // "yes"
 * @example if_then("", 1, 2) // 2
 */
declare function if_then(condition: Value, then: Value, otherwise?: Value | null): Value;

/**
 * Returns what an image (GIF, JPEG, PNG or WebP) says of itself, without decoding it: its `type` (`gif`, `jpeg`, `png`, `webp`), `width` and `height` in pixels, `area` (their product) or `dimension` (their sum); without a part all of these as a map. null if it is no such image. Its first MiB is looked at.
 *
 * @param octets bytes, or text for its octets
 * @param part `type`, `width`, `height`, `area` or `dimension`
 * @example img_metadata("GIF89a\u0003\u0000\u0002\u0000\u0000\u0000\u0000", "width") // 3
 * @example img_metadata("GIF89a\u0003\u0000\u0002\u0000\u0000\u0000\u0000") // {"type": "gif", "width": 3, "height": 2, "area": 6, "dimension": 5}
 */
declare function img_metadata(octets: Value, part?: string | null): Value;

/**
 * Returns the ids of the messages that this one answers, as In-Reply-To tells them, without angle brackets; at most 1000.
 *
 * @remarks Stages: data, deliver, imap.
 * @example in_reply_to() // ["first@example.org"]
 * @example in_reply_to() // []
 */
declare function in_reply_to(): Value[];

/**
 * Says whether a text holds a part, or any part of a list; or whether a list holds an element of the same kind and value. It is `contains` by another name.
 *
 * @param in_ text, or a list
 * @param what the part, a list of parts, or the element
 * @example includes("unsubscribe", "sub") // true
 * @example includes(["a", "b"], "c") // false
 */
declare function includes(in_: Value, what: Value): boolean;

/**
 * Returns where a text first holds a part, in characters counted from 0, or which element of a list is the first that a value equals; -1 if there is none.
 *
 * @param in_ text, or a list
 * @param what the part, or the element
 * @example index_of("grün, rot", "rot") // 6
 * @example index_of("abc", "x") // -1
 */
declare function index_of(in_: Value, what: Value): number | bigint;

/**
 * Returns a value as an int: a float without its fraction, the number that a text spells in decimal digits, 1 for true, 0 for false. White space around a text does not count. Without otherwise, what is no int is an error.
 *
 * @param value any value
 * @param otherwise what to return for a value that is none
 * @example int("42") // 42
 * @example int(" -7\n") // -7
 */
declare function int(value: Value, otherwise?: Value | null): Value;

/**
 * Returns the network an IP address lies in, as text such as `192.0.2.0/24`: what greylists and rate limits count by. An IPv4 address written as IPv6 counts as IPv4. `""` if it is no IP address.
 *
 * @param ip IP address
 * @param v4 bits of the network of an IPv4 address, 0 to 32
 * @param v6 bits of the network of an IPv6 address, 0 to 128
 * @example ip_net("192.0.2.77", 24, 64) // "192.0.2.0/24"
 * @example ip_net("192.0.2.77") // "192.0.2.0/24"
 */
declare function ip_net(ip: string, v4?: number | bigint | null, v6?: number | bigint | null): string;

/**
 * Returns the labels of an IP address in the order of DNS block lists and PTR names, without a zone; an IPv4 address written as IPv6 gives those of IPv4, and what is no IP address `""`.
 *
 * @param ip IP address
 * @example ip_reverse_name("192.0.2.1") // "1.2.0.192"
 * @example ip_reverse_name("::ffff:192.0.2.1") // "1.2.0.192"
 */
declare function ip_reverse_name(ip: string): string;

/**
 * Checks that an IP address has a name that leads back to it, and returns a map: `result` is `pass`, `fail` (its names have other addresses), `permerror` (it has no name, or its names have no address, or the text is no IP address) or `temperror` (RFC 8601, section 2.7.3); `name` is the first name that leads back, or `""`; `names` are all of them. What is looked at and counted is what `dns_ptr_names` says.
 *
 * @param ip IP address
 * @remarks Administrators' scripts only.
 * @example iprev("192.0.2.25") // {"result": "pass", "name": "mx1.example.net", "names": ["mx1.example.net"]}
 * @example iprev("192.0.2.66") // {"result": "fail", "name": "", "names": []}
 */
declare function iprev(ip: string): { [key: string]: Value };

/**
 * Says whether text is ASCII only. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example is_ascii("grün") // false
 * @example is_ascii("") // true
 */
declare function is_ascii(text: Value): boolean;

/**
 * Says whether a part is an attachment: a leaf, or a message, that is no body. Without a path whether the message has any.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1; left out: the whole message
 * @remarks Stages: data, deliver, imap.
 * @example is_attachment() // false
 * @example is_attachment("2") // true
 */
declare function is_attachment(path?: string | null): boolean;

/**
 * Says whether a number is not below from and not above to.
 *
 * @param number number
 * @param from number
 * @param to number
 * @example is_between(5, 1, 5) // true
 * @example is_between(0.5, 1, 5) // false
 */
declare function is_between(number: number | bigint, from: number | bigint, to: number | bigint): boolean;

/**
 * Says whether a part is something to read: text/plain or text/html without a file name that is not called an attachment. Without a path whether the message has any.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1; left out: the whole message
 * @remarks Stages: data, deliver, imap.
 * @example is_body() // true
 * @example is_body("1.2") // true
 */
declare function is_body(path?: string | null): boolean;

/**
 * Says whether text is an address, and nothing else, whose domain has a dot. Quoted local parts, domains in brackets and letters beyond ASCII are lawful; names, angle brackets, comments and blanks are not.
 *
 * @param text text
 * @example is_email("eve@example.org") // true
 * @example is_email("eve@localhost") // false
 */
declare function is_email(text: string): boolean;

/**
 * Says whether a value is null, a text or bytes without content, or a list or map without elements. Numbers are never empty.
 *
 * @param value any value
 * @example is_empty("") // true
 * @example is_empty(0) // false
 */
declare function is_empty(value: Value): boolean | null;

/**
 * Says whether the octets of a part are not what its fields promise: a transfer encoding that is unknown or broken, a charset that is unknown, text that is none in its charset. Without a path whether any part has such a fault.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1; left out: the whole message
 * @remarks Stages: data, deliver, imap.
 * @example is_encoding_problem() // false
 * @example is_encoding_problem("2") // false
 */
declare function is_encoding_problem(path?: string | null): boolean;

/**
 * Says whether the octets of all header fields of that name, as they were sent, are valid UTF-8; true if there is none.
 *
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example is_header_utf8_valid("Subject") // true
 * @example is_header_utf8_valid("X-Absent") // true
 */
declare function is_header_utf8_valid(name: string): boolean;

/**
 * Says whether two lists have an element in common. A value that is no list counts as a list of one; in Stalwart two such values have nothing in common.
 *
 * @param a list or value
 * @param b list or value
 * @example is_intersect(["a", "b"], ["b", "c"]) // true
 * @example is_intersect("a", ["b"]) // false
 */
declare function is_intersect(a: Value, b: Value): boolean;

/**
 * Says whether text is an IP address, IPv4 or IPv6. One with a zone (`fe80::1%eth0`), blanks or brackets is none.
 *
 * @param text text
 * @example is_ip_addr("192.0.2.1") // true
 * @example is_ip_addr("192.0.2.01") // false
 */
declare function is_ip_addr(text: string): boolean;

/**
 * Says whether an IP address lies in a network, or in one of a list. An IPv4 address written as IPv6 counts as IPv4. What is no IP address lies in none; what is no network is an error.
 *
 * @param ip IP address
 * @param cidr network such as `"192.0.2.0/24"`, one address, or a list of these
 * @example is_ip_in_cidr("192.0.2.7", "192.0.2.0/24") // true
 * @example is_ip_in_cidr("192.0.2.7", ["10.0.0.0/8", "2001:db8::/32"]) // false
 */
declare function is_ip_in_cidr(ip: string, cidr: Value): boolean;

/**
 * Says whether text is an IPv4 address. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is none.
 *
 * @param text text
 * @example is_ipv4_addr("192.0.2.1") // true
 * @example is_ipv4_addr("2001:db8::1") // false
 */
declare function is_ipv4_addr(text: string): boolean;

/**
 * Says whether text is an IPv6 address; `::ffff:192.0.2.1` is one.
 *
 * @param text text
 * @example is_ipv6_addr("2001:db8::1") // true
 * @example is_ipv6_addr("::ffff:192.0.2.1") // true
 */
declare function is_ipv6_addr(text: string): boolean;

/**
 * Says whether mail for the address is delivered here.
 *
 * @param address address, without name and brackets
 * @example is_local_address("nobody@elsewhere.invalid") // false
 */
declare function is_local_address(address: string): boolean;

/**
 * Says whether the domain is one that mail is delivered for here: an account or an alias has an address in it, or it is the server's own name. Case does not count, nor does a dot at the end.
 *
 * @param domain domain, without the @
 * @example is_local_domain("elsewhere.invalid") // false
 * @example is_local_domain("") // false
 */
declare function is_local_domain(domain: string): boolean;

/**
 * Says whether all letters of text are lower case; true if it has none. A list counts as its texts one behind the other.
 *
 * @param text text, or a list of texts
 * @example is_lowercase("buy Now") // false
 * @example is_lowercase("") // true
 */
declare function is_lowercase(text: Value): boolean;

/**
 * Says whether a word of text mixes scripts that nobody mixes in one: Latin and one that looks like it (Cyrillic, Greek, Armenian, Cherokee and others), or several beside Latin. Chinese, Japanese and Korean count as one; a word ends at all that is no letter, digit or mark.
 *
 * @param text text
 * @example is_mixed_charset("pаypal") // true
 * @example is_mixed_charset("paypal привет") // false
 */
declare function is_mixed_charset(text: string): boolean;

/**
 * Says whether a value is an int or a float. Text is no number, whatever it says.
 *
 * @param value any value
 * @example is_number(1.5) // true
 * @example is_number("42") // false
 */
declare function is_number(value: Value): boolean;

/**
 * Says whether the time of day of a time, in the zone, is not before from and before to. If to is before from, the span goes over midnight.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param from such as `"22:00"`
 * @param to such as `"06:30"`; `"24:00"` is the end of the day
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example is_time_between(1767225600, "22:00", "06:30") // true
 * @example is_time_between(1767225600, "08:00", "17:00", "Asia/Tokyo") // true
 */
declare function is_time_between(time: number | bigint, from: string, to: string, zone?: string | null): boolean;

/**
 * Says whether all letters of text are upper case; true if it has none. A list counts as its texts one behind the other. (In Stalwart a list gives a list of results, which counts as true whatever is in it.)
 *
 * @param text text, or a list of texts
 * @example is_uppercase("BUY NOW!") // true
 * @example is_uppercase("123") // true
 */
declare function is_uppercase(text: Value): boolean;

/**
 * Returns how alike two lists are by which elements stand in them, however often: the number of those in both divided by that of those in any; 0.0 if both are empty. Use `tokenize` to compare texts by words. 1 and 1.0 are one element. More than 65536 different elements are an error.
 *
 * @param a list, or text that counts as the list of its characters
 * @param b list or text
 * @example round(jaccard_similarity(["buy", "now"], ["now", "buy", "buy"])) // 1
 * @example jaccard_similarity(["a", "b"], ["b", "c", "d"]) // 0.25
 */
declare function jaccard_similarity(a: Value, b: Value): number;

/**
 * Returns the texts of a list as one, with separator between them.
 *
 * @param list texts
 * @param separator plain text
 * @example join(["a", "b"], ", ") // "a, b"
 * @example join(["a", "b"]) // "ab"
 */
declare function join(list: Value[], separator?: string | null): string;

/**
 * Returns the value that JSON text (RFC 8259) holds. A number without point and exponent is an int, or a float beyond 64 bits; of equal names in an object the last counts. Nesting is bounded at 64, lists and maps by the memory of the run. Without otherwise, text that is no JSON is an error, which tells the offset in octets.
 *
 * @param text text
 * @param otherwise what to return for text that is no JSON
 * @example json_parse("{\"a\": [1, 2.5, null, true], \"b\": \"x\"}") // {"a": [1, 2.5, null, true], "b": "x"}
 * @example json_parse(" -7 ") // -7
 */
declare function json_parse(text: string, otherwise?: Value | null): Value;

/**
 * Returns a value as JSON text, the names of maps in byte order. Bytes are text where they are UTF-8, else base64. A float that is whole is written without a point. NaN and infinity are errors, as is nesting beyond 64.
 *
 * @param value any value
 * @param indent spaces a level, 0 to 8; 0: all on one line
 * @example json_print({"b": [1, 2.5, null], "a": "x\"y"}) // "{\"a\":\"x\\\"y\",\"b\":[1,2.5,null]}"
 * @example json_print("<ü>\n") // "\"<ü>\\n\""
 */
declare function json_print(value: Value, indent?: number | bigint | null): string;

/**
 * Stores the message in the inbox, with these flags, or else those of `flag_add` and its like. It takes the place of the implicit keep. Before there is a message it says that the peer may go on.
 *
 * @param flags IMAP flags such as "\\Seen" or "$Label"
 * @remarks Stages: imap, connect, ehlo, mail, rcpt, data, deliver.
 * @example keep() // true
 * @example keep(["$Work"]) // true
 */
declare function keep(flags?: Value[] | null): boolean;

/**
 * Stores value under key only if there is none, and says whether it did.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param value any value up to 64 KiB; it is read back with its kind
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example key_add("", "k", 1) // true
 * @example key_add("", "k", 2) // false
 */
declare function key_add(store: string, key: string, value: Value, ttl?: Duration | null): boolean;

/**
 * Stores value under key only if it holds old there, of the same kind, and says whether it did. Old null: only if there is none.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param old what must be there
 * @param value any value up to 64 KiB; it is read back with its kind
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example key_cas("", "k", null, 1) // true
 * @example key_cas("", "k", 1, 2) // true
 */
declare function key_cas(store: string, key: string, old: Value, value: Value, ttl?: Duration | null): boolean | null;

/**
 * Removes key and says whether it was there.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example key_delete("", "absent") // false
 * @example key_delete("", "k") // true
 */
declare function key_delete(store: string, key: string): boolean;

/**
 * Removes the script's own keys that begin with prefix, and returns how many there were. An empty prefix is an error unless `all` is true: a variable that is empty by mistake shall not remove everything. Counters, rate limits and locks stay. Each 100 keys that went, beyond the first 100, count as one more operation and write. What went before the run's time was over stays removed; the next call goes on.
 *
 * @param store name of the store; `""` is the default one
 * @param prefix what the keys begin with
 * @param all whether an empty prefix is meant
 * @example key_delete_prefix("", "absent/") // 0
 * @example key_delete_prefix("", "x/") // 2
 */
declare function key_delete_prefix(store: string, prefix: string, all?: boolean | null): number | bigint;

/**
 * Says whether there is a value under key.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example key_exists("", "absent") // false
 * @example key_exists("", "k") // true
 */
declare function key_exists(store: string, key: string): boolean;

/**
 * Returns the value under key, or null if there is none or its time is over.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example key_get("", "absent") // null
 * @example key_get("", "color") // "blue"
 */
declare function key_get(store: string, key: string): Value;

/**
 * Returns the values under keys as a list in their order, with null where there is none. They are read at once, but are not of one moment. More than 1000 keys end the run. Each 100 keys beyond the first 100 count as one more operation, and values of more octets than a run may make are too many.
 *
 * @param store name of the store; `""` is the default one
 * @param keys at most 1000 keys, as for `key`
 * @example key_get_many("", []) // []
 * @example key_get_many("", ["absent"]) // [null]
 */
declare function key_get_many(store: string, keys: Value[]): Value[] | null;

/**
 * Lists the script's own keys that begin with prefix, in the order of their octets, a page at a time, and returns a map: `keys`, `cursor` (what the next call has to be given, null after the last page) and, if asked for, `values` in the order of the keys. A page may have fewer keys than its limit, or none, and not be the last. Keys that are there from the first page to the last are seen once. Counters, rate limits and locks are not listed. Each 100 keys of a page beyond the first 100 count as one more operation.
 *
 * @param store name of the store; `""` is the default one
 * @param prefix what the keys begin with; all of them if left out
 * @param options `limit`: keys of a page, 100 if left out, 1 to 1000; `cursor`: that of the page before; `values`: true returns the values, too
 * @example key_list("") // {"keys": [], "cursor": null}
 * @example key_list("") // {"keys": ["a", "b"], "cursor": null}
 */
declare function key_list(store: string, prefix?: string | null, options?: { [key: string]: Value } | null): { [key: string]: Value } | null;

/**
 * Stores value under key in place of what was there, its time included. Returns true.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param value any value up to 64 KiB; it is read back with its kind
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example key_set("", "k", [1, "two"], "15m") // true
 * @example key_get("", "k") // [1, "two"]
 */
declare function key_set(store: string, key: string, value: Value, ttl?: Duration | null): boolean;

/**
 * Returns the seconds that key has left, rounded up; 0 if it stays for ever, null if there is none.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @example key_ttl("", "absent") // null
 * @example key_ttl("", "k") // 0
 */
declare function key_ttl(store: string, key: string): number | bigint | null;

/**
 * Returns the names of a map in byte order.
 *
 * @param map map
 * @example keys({"b": 1, "a": 2}) // ["a", "b"]
 * @example keys({}) // []
 */
declare function keys(map: { [key: string]: Value }): Value[];

/**
 * Returns the kind of a value: null, bool, int, float, string, bytes, list or map. In JavaScript a float that is whole is an int.
 *
 * @param value any value
 * @example kind_of(1) // "int"
 * @example kind_of(1.5) // "float"
 */
declare function kind_of(value: Value): string | null;

/**
 * Returns the last element of a list, or null if it has none.
 *
 * @param list list
 * @example last(["a", "b"]) // "b"
 * @example last([]) // null
 */
declare function last(list: Value[]): Value;

/**
 * Returns where a text last holds a part, in characters counted from 0, or which element of a list is the last that a value equals; -1 if there is none.
 *
 * @param in_ text, or a list
 * @param what the part, or the element
 * @example last_index_of("ü.a.b", ".") // 3
 * @example last_index_of("abc", "") // 3
 */
declare function last_index_of(in_: Value, what: Value): number | bigint;

/**
 * Returns the number of characters of a text, of octets of bytes, of elements of a list or map; 0 for null. Stalwart counts the octets of a text; `octet_length` does.
 *
 * @param value text, bytes, list, map or null
 * @example len("grün") // 4
 * @example len([1, 2]) // 2
 */
declare function len(value: Value): number | bigint | null;

/**
 * Returns how many characters have to be put in, taken out or changed to make one text the other. Each may have 4096 characters; more is an error.
 *
 * @param a text
 * @param b text
 * @example levenshtein_distance("paypal", "paypa1") // 1
 * @example levenshtein_distance("", "grün") // 4
 */
declare function levenshtein_distance(a: string, b: string): number | bigint;

/**
 * Splits text in its lines, without their line ends.
 *
 * @param text text
 * @example lines("a\r\nb\n") // ["a", "b"]
 * @example lines("\n\n") // ["", ""]
 */
declare function lines(text: string): Value[];

/**
 * Gives a lock of this run back before the run ends, or one that was kept. Returns false if it is not held any more.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param lock what `lock_try` returned, for a lock that another run has kept; left out: that of this run
 * @example lock_release("", "absent") // false
 * @example lock_release("", "k") // true
 */
declare function lock_release(store: string, key: string, lock?: { [key: string]: Value } | null): boolean;

/**
 * Gives a lock that this run holds, or that was kept, another time, from now on. Returns false if it is not held any more.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param ttl seconds or text such as `"30s"`, at least 1 ms, at most a day
 * @param lock what `lock_try` returned, for a lock that another run has kept; left out: that of this run
 * @example lock_renew("", "absent", 30) // false
 * @example lock_renew("", "k", "1m") // true
 */
declare function lock_renew(store: string, key: string, ttl: Duration, lock?: { [key: string]: Value } | null): boolean;

/**
 * Takes the lock of key, or returns null at once if somebody else has it. It is a lease: over after its time, and given back when the run ends, however it ends, unless it is kept. The map holds `owner` (text) and `fence`, a number that grows with every time that this lock is taken. Who stores the map of a kept lock can renew or release it in another run.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param ttl seconds or text such as `"30s"`, at least 1 ms, at most a day
 * @param keep whether it stays, until its time is over, when the run ends
 * @example lock_try("", "k", "30s") != null // true
 * @example lock_try("", "k", "30s") // null
 */
declare function lock_try(store: string, key: string, ttl: Duration, keep?: boolean | null): { [key: string]: Value } | null;

/**
 * Writes a line into the record of the run and, from the level info on, into the server's log, with the name of the script, the account and the id of the transaction. Line ends and other control characters become blanks. At most 100 lines a run are kept, 1 KiB of each, and 20 go to the server's log; an error of a user's script is a warning there. A dry run and a replay write into their record only. Returns false where the line was dropped.
 *
 * @param level debug, info, warn, error
 * @param text what is to be said
 * @example log("info", "score is 7") // true
 * @example log("warn", "two\r\nlines") // true
 */
declare function log(level: string, text: string): boolean;

/**
 * Says whether the recipient's account has a mailbox of that path.
 *
 * @param mailbox path, its parts separated by `/`
 * @remarks Stages: data, deliver, imap.
 * @example mailbox_exists("No/Such") // false
 * @example mailbox_exists("") // false
 */
declare function mailbox_exists(mailbox: string): boolean;

/**
 * Says whether the recipient's account has a mailbox with that id.
 *
 * @param id MAILBOXID as IMAP shows it
 * @remarks Stages: data, deliver, imap.
 * @example mailbox_id_exists("none") // false
 * @example mailbox_id_exists("") // false
 */
declare function mailbox_id_exists(id: string): boolean;

/**
 * Sets a key as `key_set` does, but only once the mail is settled: not if it is refused for now, and not if the script fails.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param value any value up to 64 KiB
 * @param ttl seconds, or text such as `"90s"`, `"15m"`, `"24h"`, `"30d"`; 0 or left out: for ever
 * @example mark("", "seen", 1, "7d") // true
 * @example key_exists("", "seen") // false
 */
declare function mark(store: string, key: string, value: Value, ttl?: Duration | null): boolean;

/**
 * Says whether text matches a regular expression. In expr the operator `matches` has the text in front. The time that it takes grows with the text only.
 *
 * @param pattern RE2 syntax (Go), at most 1 KiB, and 10,000 instructions with repetitions written out; it matches anywhere unless it begins with ^
 * @param text text; its first MiB is looked at
 * @example matches("^\\[SPAM\\]", "[SPAM] buy") // true
 * @example matches("(?i)viagra|casino", "good news") // false
 */
declare function matches(pattern: string, text: string): boolean;

/**
 * Says whether a pattern, or one of a list, matches the whole of text: `*` stands for any characters, `?` for one, and a backslash takes its meaning from what follows. The case of letters does not count.
 *
 * @param pattern pattern of at most 500 octets, or a list of patterns
 * @param text text; its first MiB is looked at
 * @example matches_glob("*@example.org", "Eve@Example.ORG") // true
 * @example matches_glob("*.exe", "setup.exe.txt") // false
 */
declare function matches_glob(pattern: Value, text: string): boolean;

/**
 * Says whether text matches a regular expression: `matches` by another name.
 *
 * @param pattern RE2 syntax (Go), at most 1 KiB, and 10,000 instructions with repetitions written out; it matches anywhere unless it begins with ^
 * @param text text; its first MiB is looked at
 * @example matches_regex("^\\[SPAM\\]", "[SPAM] buy") // true
 * @example matches_regex("(?i)viagra|casino", "good news") // false
 */
declare function matches_regex(pattern: string, text: string): boolean;

/**
 * Returns the largest of numbers, or the last of texts in byte order; null if there are none.
 *
 * @param values numbers, or texts; or one list of them
 * @example max(1, 3, 2) // 3
 * @example max([1, 2.5]) // 2.5
 */
declare function max(...values: (Value)[]): Value;

/**
 * Returns a map with the entries of all maps; of equal names the last counts. Null counts as an empty map.
 *
 * @param maps maps
 * @example merge({"a": 1, "b": 1}, {"b": 2}) // {"a": 1, "b": 2}
 * @example merge() // {}
 */
declare function merge(...maps: (Value)[]): { [key: string]: Value };

/**
 * Returns the time that Date says in unix seconds, null if it says none. A sender may write what it likes there; `now` is when the message came.
 *
 * @remarks Stages: data, deliver, imap.
 * @example message_date() // 1767225600
 * @example message_date() // 1767225600
 */
declare function message_date(): number | bigint | null;

/**
 * Returns the id in the first Message-ID, without its angle brackets; `""` if there is none that can be read.
 *
 * @remarks Stages: data, deliver, imap.
 * @example message_id() // "example-1@example.net"
 * @example message_id() // "parts-1@example.net"
 */
declare function message_id(): string;

/**
 * Returns an annotation of a mailbox of the recipient's account, null if there is none.
 *
 * @param mailbox path, its parts separated by `/`
 * @param name name of the annotation, such as `/private/comment`
 * @remarks Stages: data, deliver, imap.
 * @example metadata_get("INBOX", "/private/none") // null
 * @example metadata_get("", "/private/none") // null
 */
declare function metadata_get(mailbox: string, name: string): string | null;

/**
 * Counts a metric of the server up: /metrics shows it as `sluice_script_count{name="..."}`, from 0 on with each start of the server. A server takes 500 names; a further one is an error. A dry run and a replay count nothing. (`count` is the number of elements of a list.)
 *
 * @param name a small letter, and then small letters, digits, `.` and `_`; at most 64 octets
 * @param by how much, from 0 to 2^32
 * @remarks Administrators' scripts only.
 * @example metric_count("spam.high") // true
 * @example metric_count("octets_in", 2048) // true
 */
declare function metric_count(name: string, by?: number | bigint | null): boolean;

/**
 * Returns what `mime_parts` says of one part, null if there is no such part.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1
 * @remarks Stages: data, deliver, imap.
 * @example mime_part("2") // {"path": "2", "type": "text/csv", "charset": "iso-8859-1", "disposition": "attachment", "name": "list.csv", "encoding": "quoted-printable", "id": "", "size": 34}
 * @example mime_part("1.2") // {"path": "1.2", "type": "text/html", "charset": "utf-8", "disposition": "", "name": "", "encoding": "7bit", "id": "", "size": 23}
 */
declare function mime_part(path: string): { [key: string]: Value } | null;

/**
 * Returns the size of a part's content in octets, its transfer encoding undone. Without a path that of what stands behind the message's header.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1; left out: the whole message
 * @remarks Stages: data, deliver, imap.
 * @example mime_part_len("3") // 5
 * @example mime_part_len("1") // 24
 */
declare function mime_part_len(path?: string | null): number | bigint;

/**
 * Returns the parts of the message, parents first, those of messages in it with them, at most 1000: maps with the `path` (the number that IMAP gives the part; `""` is the multipart that is the whole message), `type` such as text/plain, `charset`, `disposition`, `name` (of the file), `encoding` (of the transfer), `id` (Content-ID without brackets) and `size` (octets as they stand, encoded). What is not said is `""`. Nothing is decoded for it.
 *
 * @remarks Stages: data, deliver, imap.
 * @example mime_parts() // [{"path": "1", "type": "text/plain", "charset": "utf-8", "disposition": "", "name": "", "encoding": "7bit", "id": "", "size": 24}]
 * @example count(mime_parts()) // 8
 */
declare function mime_parts(): Value[];

/**
 * Returns the smallest of numbers, or the first of texts in byte order; null if there are none.
 *
 * @param values numbers, or texts; or one list of them
 * @example min(1, 3, 2) // 1
 * @example min([3, 1.5]) // 1.5
 */
declare function min(...values: (Value)[]): Value;

/**
 * Returns text in a normal form of Unicode: `NFC` (letters and their accents as one character), `NFD` (apart), `NFKC` and `NFKD` (the same with styled, wide, circled and joined letters made plain ones). A list gives a list.
 *
 * @param text text, or a list of text
 * @param form `NFC`, `NFD`, `NFKC` or `NFKD`, without case
 * @example normalize("gru\u0308n") // "grün"
 * @example count_chars(normalize("grün", "NFD")) // 5
 */
declare function normalize(text: Value, form?: string | null): Value;

/**
 * Tells somebody about the message, by mail: a `mailto:` URI says whom (to, cc, bcc) and may bring a subject, a body and other fields (RFC 6068). A text takes the place of the subject, and of the body where the URI has none. Options: `from` (the address in From; postmaster else) and `importance` (1 high, 2 normal, 3 low). Mail that a machine sent makes no notification, and one address gets one from a run. Returns whether one is sent; where not, the plan says why. It leaves the implicit keep alone.
 *
 * @param uri such as mailto:bob@example.org?subject=New%20mail
 * @param text what it says
 * @param options from, importance
 * @remarks Stages: data, deliver, imap.
 * @example notify("mailto:bob@example.org") // true
 * @example notify("mailto:bob@example.org?cc=eve@example.net", "disk full", {"importance": 1, "from": "watch@example.org"}) // true
 */
declare function notify(uri: string, text?: string | null, options?: { [key: string]: Value } | null): boolean;

/**
 * Returns the time at which the transaction came in, in unix seconds; it is the same all through a run.
 *
 * @example now() // 1767225600
 * @example now() // 1767225600
 */
declare function now(): number | bigint;

/**
 * Returns the number of octets of a text (in UTF-8) or of bytes.
 *
 * @param data text, or bytes
 * @example octet_length("grün") // 5
 * @example octet_length("") // 0
 */
declare function octet_length(data: Value): number | bigint;

/**
 * Returns text with so many fill characters behind it that it has width characters.
 *
 * @param text text
 * @param width characters
 * @param fill one character
 * @example pad_end("a", 3, "·") // "a··"
 * @example pad_end("", 2) // "  "
 */
declare function pad_end(text: string, width: number | bigint, fill?: string | null): string;

/**
 * Returns text with so many fill characters in front that it has width characters.
 *
 * @param text text
 * @param width characters
 * @param fill one character
 * @example pad_start("7", 3, "0") // "007"
 * @example pad_start("grün", 6) // "  grün"
 */
declare function pad_start(text: string, width: number | bigint, fill?: string | null): string;

/**
 * Returns the first header field of that name in a part's own header, decoded to text; `""` if there is none. Of a message in a message it is the header of the part that holds it.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1
 * @param name name of the header field, without case
 * @remarks Stages: data, deliver, imap.
 * @example part_header("2", "Content-Transfer-Encoding") // "quoted-printable"
 * @example part_header("4.1", "Subject") // "inside"
 */
declare function part_header(path: string, name: string): string;

/**
 * Returns the text of a part of type text, decoded to UTF-8 and with its markup; `""` for other parts. At most what a run may make of text.
 *
 * @param path number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1
 * @remarks Stages: data, deliver, imap.
 * @example part_text("1.1") // "Hello Bob"
 * @example part_text("2") // "name;town\r\nJörg;Köln\r\n"
 */
declare function part_text(path: string): string;

/**
 * Returns a domain name with its `xn--` labels (RFC 3492) decoded to the letters they stand for. Labels that hold no lawful code stay. Of an address the domain alone is changed. A list gives a list.
 *
 * @param name domain name or address, or a list of such
 * @example puny_decode("xn--mnchen-3ya.example") // "münchen.example"
 * @example puny_decode("www.XN--mnchen-3ya.example") // "www.münchen.example"
 */
declare function puny_decode(name: Value): Value;

/**
 * Returns a domain name with the labels that are not ASCII in lower case, normalised and encoded (`xn--`, RFC 3492), as DNS has them. Labels of ASCII stay, and so do those that would be longer than 63 octets. Of an address the domain alone is changed. A list gives a list.
 *
 * @param name domain name or address, or a list of such
 * @example puny_encode("münchen.example") // "xn--mnchen-3ya.example"
 * @example puny_encode("MÜNCHEN.example") // "xn--mnchen-3ya.example"
 */
declare function puny_encode(name: Value): Value;

/**
 * Stores the message in the mailbox for quarantined mail of the recipient's account, which is `Quarantine` unless the settings name another, and makes the mailbox if it is not there. It takes the place of the implicit keep. What else the same script stores, sends on, answers or gives to programs is not done, except copies (option `copy`) and notifications; to refuse the message too is an error. No later script of the chain runs. The reason stands in the plan and the record.
 *
 * @param reason why; one line, at most 900 octets of it are used
 * @remarks Stages: data, deliver, imap.
 * @example quarantine("looks like a virus") // true
 * @example quarantine("score 14") // true
 */
declare function quarantine(reason: string): boolean;

/**
 * Returns the peer's queue id of the message; `""` if it is not known.
 *
 * @example queue_id() // "4Zexample"
 * @example queue_id() // ""
 */
declare function queue_id(): string;

/**
 * Returns what quoted-printable text holds. What is broken in it stays as it is.
 *
 * @param text encoded text
 * @param bytes true: as bytes, whatever they are; else as text, in which U+FFFD stands for what is no UTF-8
 * @example quoted_printable_decode("gr=C3=BCn =3D=20") // "grün = "
 * @example quoted_printable_decode("a=\r\nb") // "ab"
 */
declare function quoted_printable_decode(text: string, bytes?: boolean | null): Value;

/**
 * Returns text in quoted-printable (RFC 2045), in lines of at most 76 characters.
 *
 * @param text text
 * @example quoted_printable_encode("grün = ") // "gr=C3=BCn =3D=20"
 * @example quoted_printable_encode("a\r\nb") // "a\r\nb"
 */
declare function quoted_printable_encode(text: string): string;

/**
 * Returns a random int from 0 to below n, or, without n, a random float from 0 to below 1. The numbers come from the seed of the run, so that a replay sees the same ones: they are for samples, not for secrets.
 *
 * @param n 1 or more
 * @example random(1) // 0
 * @example max(random(6), 6) // 6
 */
declare function random(n?: number | bigint | null): number | bigint;

/**
 * Takes from the allowance of key and returns a map: `allowed` (bool), `limit` and `remaining` (units), `retry_after` (seconds until cost would be allowed, rounded up; 0 if allowed). What is not allowed takes nothing. `"100/1h"` is a sliding window: at most 100 in any hour. `"100/1h burst 20"` lets 20 through at once and one more every 36 s.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param rule units/time, such as `"100/1h"` or `"100/1h burst 20"`
 * @param cost units to take, 1 if left out; 0 only asks
 * @example rate_limit("", "k", "2/1h") // {"allowed": true, "limit": 2, "remaining": 1, "retry_after": 0}
 * @example rate_limit("", "k", "2/1h").allowed // false
 */
declare function rate_limit(store: string, key: string, rule: string, cost?: number | bigint | null): { [key: string]: Value };

/**
 * Returns what `rate_limit` would for the same rule and cost, and takes nothing: `allowed` says whether cost would be allowed now, `remaining` what would then be left. Another may take it before this script does.
 *
 * @param store name of the store; `""` is the default one
 * @param key 1 octet to 1 KiB, the script's namespace counted with it
 * @param rule units/time, such as `"100/1h"` or `"100/1h burst 20"`
 * @param cost units to ask for, 1 if left out
 * @example rate_peek("", "k", "2/1h") // {"allowed": true, "limit": 2, "remaining": 1, "retry_after": 0}
 * @example rate_limit("", "k", "2/1h").remaining // 1
 */
declare function rate_peek(store: string, key: string, rule: string, cost?: number | bigint | null): { [key: string]: Value };

/**
 * Returns all parts of a Received field that it tells, as a map under the names that `received_part` has; null if there is no such field.
 *
 * @param index which Received field: 1 is the first from the top, written last; -1 the last, written first
 * @remarks Stages: data, deliver, imap.
 * @example received(2) // {"from": "laptop.example.net", "from.name": "laptop.example.net", "from.ip": "198.51.100.7", "ip": "198.51.100.7", "iprev": "laptop.example.net", "helo": "laptop", "by": "relay.example.net", "by.name": "relay.example.net", "with": "esmtpsa", "tls": "TLS", "id": "1vexample", "date": 1767225603, "date.raw": "Thu, 1 Jan 2026 01:00:03 +0100"}
 * @example received(3) // null
 */
declare function received(index: number | bigint): { [key: string]: Value } | null;

/**
 * Returns a part of a Received field: `from` (the name that the client gave), `from.ip` or `ip` (its address), `iprev` (the name of that address in DNS), `helo`, `ident`, `by`, `by.ip`, `via`, `with` (the protocol), `tls` (the version such as TLSv1.3, or TLS where only the protocol says so), `cipher`, `id`, `for`, `date` (unix seconds) or `date.raw`. A part that is not told is `""`, the date null; so is all of a field that is not there. It reads what the common servers write, and believes it: only the fields of one's own servers, at the top, cannot be forged.
 *
 * @param index which Received field: 1 is the first from the top, written last; -1 the last, written first
 * @param part from, from.name, from.ip, ip, iprev, helo, ident, by, by.name, by.ip, via, with, tls, cipher, id, for, date, date.raw
 * @remarks Stages: data, deliver, imap.
 * @example received_part(1, "from") // "relay.example.net"
 * @example received_part(1, "ip") // "192.0.2.25"
 */
declare function received_part(index: number | bigint, part: string): Value;

/**
 * Returns the envelope recipient that the script runs for; `""` where there is none yet.
 *
 * @example recipient() // "bob+news@example.org"
 * @example recipient() // ""
 */
declare function recipient(): string;

/**
 * Returns what follows the + of the recipient's local part; `""` if there is none.
 *
 * @example recipient_detail() // "news"
 * @example recipient_detail() // ""
 */
declare function recipient_detail(): string;

/**
 * Returns all envelope recipients so far.
 *
 * @example recipients() // ["bob+news@example.org", "carol@example.com"]
 * @example recipients() // []
 */
declare function recipients(): Value[];

/**
 * Sends the message on to an address, as it is edited. Option: `copy` (leave the implicit keep alone).
 *
 * @param address one address, without name and brackets
 * @param options copy
 * @remarks Stages: data, deliver, imap.
 * @example redirect("eve@example.net", {"copy": true}) // true
 * @example redirect("eve@example.net") // true
 */
declare function redirect(address: string, options?: { [key: string]: Value } | null): boolean;

/**
 * Returns the ids of the messages of the thread so far, oldest first, as References tells them, without angle brackets; at most 1000.
 *
 * @remarks Stages: data, deliver, imap.
 * @example references() // ["first@example.org", "second@example.org"]
 * @example references() // []
 */
declare function references(): Value[];

/**
 * Returns what the first match of a regular expression and its groups hold, the whole match first; null if there is none.
 *
 * @param pattern RE2 syntax (Go), at most 1 KiB, and 10,000 instructions with repetitions written out; it matches anywhere unless it begins with ^
 * @param text text; its first MiB is looked at
 * @example regex_captures("#([0-9]+)", "Re: ticket #42 again") // ["#42", "42"]
 * @example regex_captures("x", "abc") // null
 */
declare function regex_captures(pattern: string, text: string): Value[] | null;

/**
 * Returns, for each match of a regular expression, the list of what it and its groups hold, the whole match first.
 *
 * @param pattern regular expression, as for matches_regex
 * @param text text; its first MiB is looked at
 * @param limit most matches, up to 10,000; left out: 1000
 * @example regex_captures_all("([a-z]+)=([0-9]*)", "a=1; bc=") // [["a=1", "a", "1"], ["bc=", "bc", ""]]
 * @example regex_captures_all("(a)|b", "b") // [["b", ""]]
 */
declare function regex_captures_all(pattern: string, text: string, limit?: number | bigint | null): Value[];

/**
 * Returns text as a regular expression that matches just this text.
 *
 * @param text text; its first MiB is looked at
 * @example regex_escape("a.b*c") // "a\\.b\\*c"
 * @example matches_regex(regex_escape("$5 (a)"), "for $5 (a)") // true
 */
declare function regex_escape(text: string): string;

/**
 * Returns the texts that a regular expression matches, from the first on; none overlap.
 *
 * @param pattern regular expression, as for matches_regex
 * @param text text; its first MiB is looked at
 * @param limit most matches, up to 10,000; left out: 1000
 * @example regex_find_all("[0-9]+", "a1 b22 c333") // ["1", "22", "333"]
 * @example regex_find_all("[0-9]+", "a1 b22 c333", 2) // ["1", "22"]
 */
declare function regex_find_all(pattern: string, text: string, limit?: number | bigint | null): Value[];

/**
 * Returns what the groups that have names, `(?P<name>…)` or `(?<name>…)`, hold in the first match of a regular expression, as a map; null if there is no match.
 *
 * @param pattern regular expression, as for matches_regex
 * @param text text; its first MiB is looked at
 * @example regex_groups("(?P<user>[^@]+)@(?<host>.+)", "eve@example.org") // {"user": "eve", "host": "example.org"}
 * @example regex_groups("(?P<a>x)", "y") // null
 */
declare function regex_groups(pattern: string, text: string): { [key: string]: Value } | null;

/**
 * Returns text with the matches of a regular expression replaced. In replacement, `$1` and `${name}` are what groups hold, `$0` the match, `$$` a dollar sign; a name goes on as long as letters, digits and `_` do (in Sieve `${name}` is a variable: write `$name`). Of a text of more than a MiB the rest stays as it is, as do matches beyond the limit.
 *
 * @param pattern regular expression, as for matches_regex
 * @param text text; its first MiB is looked at
 * @param replacement text
 * @param limit most matches, up to 10,000; left out: 1000
 * @example regex_replace("[0-9]", "a1b22", "#") // "a#b##"
 * @example regex_replace("([a-z]+)@([a-z]+)", "eve@here", "$2 has $1") // "here has eve"
 */
declare function regex_replace(pattern: string, text: string, replacement: string, limit?: number | bigint | null): string;

/**
 * Splits text at the matches of a regular expression and returns the pieces, empty ones too. A match without a character splits nothing at the start and the end.
 *
 * @param pattern regular expression, as for matches_regex
 * @param text text; its first MiB is looked at
 * @param limit most splits, up to 10,000; left out: 1000
 * @example regex_split("[,;] *", "a, b;c") // ["a", "b", "c"]
 * @example regex_split("[,;] *", "a, b;c", 1) // ["a", "b;c"]
 */
declare function regex_split(pattern: string, text: string, limit?: number | bigint | null): Value[];

/**
 * Refuses the message for good; its sender is told the reason.
 *
 * @param reason text for the sender; at most 8 KiB of it are used
 * @remarks Stages: connect, ehlo, mail, rcpt, data, deliver.
 * @example reject("not today") // true
 * @example reject("no") // true
 */
declare function reject(reason: string): boolean;

/**
 * Remembers a key for the account of the recipient, once the mail is settled: not if it is refused for now, and not if the script fails.
 *
 * @param what `duplicate` or `vacation`, each with keys of its own
 * @param key any text of at least 1 octet
 * @param ttl seconds, or text such as `"12h"`, `"7d"`; at most 366 days
 * @remarks Stages: data, deliver, imap.
 * @example remember("duplicate", "<1@example.org>", "7d") // true
 */
declare function remember(what: string, key: string, ttl: Duration): boolean;

/**
 * Says whether `remember` was called with this key for the same account, by a run whose mail was settled, and its time is not over. Changes of a script make no difference.
 *
 * @param what `duplicate` or `vacation`, each with keys of its own
 * @param key any text of at least 1 octet
 * @remarks Stages: data, deliver, imap.
 * @example remembered("duplicate", "<1@example.org>") // false
 */
declare function remembered(what: string, key: string): boolean;

/**
 * Returns a text count times one behind the other.
 *
 * @param text text
 * @param count 0 or more
 * @example repeat("ab", 3) // "ababab"
 * @example repeat("ü", 0) // ""
 */
declare function repeat(text: string, count: number | bigint): string;

/**
 * Returns text with every old replaced by new. An empty old stands before each character and at the end.
 *
 * @param text text
 * @param old plain text
 * @param new_ plain text
 * @example replace("a.b.c", ".", "/") // "a/b/c"
 * @example replace("abc", "x", "y") // "abc"
 */
declare function replace(text: string, old: string, new_: string): string;

/**
 * Answers the envelope sender with a text. Mail without a sender, and mail made by programs, gets none.
 *
 * @param subject one line
 * @param text plain text; at most 64 KiB of it are used
 * @remarks Stages: data, deliver, imap.
 * @example reply("Got it", "We answer within a day.") // true
 * @example reply("Got it", "x") // true
 */
declare function reply(subject: string, text: string): boolean;

/**
 * Draws a message's score half way to what is known of its senders together, and returns a map: `score` (drawn; as it was if nothing is known), `reputation` (of those that are known: from counts 0.5, ip and domain 0.2, asn 0.1, made to sum up to 1; null if there are none) and `known` (how many). It learns nothing; `reputation_update` does.
 *
 * @param score of the message
 * @param senders any of `ip`, `from`, `domain` and `asn`; null or `""` for one that is not known
 * @param authenticated false: the sender or domain is not proven, and has another reputation than the one that is; makes no difference for ip and asn
 * @remarks Administrators' scripts only.
 * @example reputation_check(2.5, {"ip": "192.0.2.1"}) // {"score": 2.5, "reputation": null, "known": 0}
 * @example reputation_check(2, {"ip": "192.0.2.1", "asn": 64496}) // {"score": 1.75, "reputation": 1.5, "known": 1}
 */
declare function reputation_check(score: number | bigint, senders: { [key: string]: Value }, authenticated?: boolean | null): { [key: string]: Value } | null;

/**
 * Returns what is known of a sender as a map: `score` (mean of the messages' scores; 0.0 if there are none) and `count` (messages). It fades: a message counts 0.98 of the one after it. It is forgotten 30 days after the last change. All administrators' scripts share it.
 *
 * @param kind `ip`, `from` (an address), `domain` or `asn`
 * @param key the address or name, without case; an asn also as a number
 * @param authenticated false: the sender or domain is not proven, and has another reputation than the one that is; makes no difference for ip and asn
 * @remarks Administrators' scripts only.
 * @example reputation_get("ip", "192.0.2.1").count // 0
 * @example reputation_get("domain", "example.org") // {"score": 4.5, "count": 1}
 */
declare function reputation_get(kind: string, key: Value, authenticated?: boolean | null): { [key: string]: Value };

/**
 * Adds a message with this score to what is known of a sender, and returns a map: `score` and `count` as `reputation_get` has them from now on, and `adjusted`, the message's score drawn half way to what was known before (the score itself if that was nothing). It fades: a message counts 0.98 of the one after it. It is forgotten 30 days after the last change. All administrators' scripts share it.
 *
 * @param kind `ip`, `from` (an address), `domain` or `asn`
 * @param key the address or name, without case; an asn also as a number
 * @param score of the message, -1,000,000 to 1,000,000; more is worse
 * @param authenticated false: the sender or domain is not proven, and has another reputation than the one that is; makes no difference for ip and asn
 * @remarks Administrators' scripts only.
 * @example reputation_update("ip", "192.0.2.1", 1.5) // {"score": 1.5, "count": 1, "adjusted": 1.5}
 * @example reputation_update("ip", "192.0.2.1", 2).adjusted // 1.5
 */
declare function reputation_update(kind: string, key: Value, score: number | bigint, authenticated?: boolean | null): { [key: string]: Value };

/**
 * Returns the list with the last element first.
 *
 * @param list list
 * @example reverse([1, 2, 3]) // [3, 2, 1]
 * @example reverse([]) // []
 */
declare function reverse(list: Value[]): Value[];

/**
 * Returns the int nearest to a number, halves away from zero; or the float with so many digits behind the point.
 *
 * @param number number
 * @param digits 0 to 15
 * @example round(2.5) // 3
 * @example round(-2.5) // -3
 */
declare function round(number: number | bigint, digits?: number | bigint | null): number | bigint;

/**
 * Splits text at every separator and returns the pieces from the last to the first.
 *
 * @param text text
 * @param separator plain text, not empty
 * @example rsplit("a.b.c", ".") // ["c", "b", "a"]
 * @example rsplit("abc", ".") // ["abc"]
 */
declare function rsplit(text: string, separator: string): Value[];

/**
 * Splits text at the last separator and returns both pieces, or null if there is none.
 *
 * @param text text
 * @param separator plain text, not empty
 * @example rsplit_once("a=b=c", "=") // ["a=b", "c"]
 * @example rsplit_once("abc", "=") // null
 */
declare function rsplit_once(text: string, separator: string): Value[] | null;

/**
 * Returns the envelope sender; `""` for `<>`.
 *
 * @example sender() // "alice@example.net"
 * @example sender() // ""
 */
declare function sender(): string;

/**
 * Returns an annotation of the recipient's account as a whole, null if there is none.
 *
 * @param name name of the annotation, such as `/private/comment`
 * @remarks Stages: data, deliver, imap.
 * @example server_metadata_get("/private/none") // null
 * @example server_metadata_get("/private/none") // error: server_metadata_get is not lawful at stage rcpt; it is at data, deliver, imap
 */
declare function server_metadata_get(name: string): string | null;

/**
 * Returns the size of the message as it came, in octets; edits do not count.
 *
 * @remarks Stages: data, deliver, imap.
 * @example size() > 100 // true
 * @example size() > 1000 // true
 */
declare function size(): number | bigint;

/**
 * Returns the elements of a list from index from on up to, but without, index to. An index below 0 counts from the end; what lies outside is left out.
 *
 * @param list list
 * @param from index, counted from 0
 * @param to index; left out: the end
 * @example slice([1, 2, 3, 4], 1, 3) // [2, 3]
 * @example slice([1, 2, 3], -2) // [2, 3]
 */
declare function slice(list: Value[], from: number | bigint, to?: number | bigint | null): Value[];

/**
 * Returns the list in order: numbers before text, text by its octets, equal ones as they stood. Elements of other kinds are an error.
 *
 * @param list list
 * @param ascending false: the largest first
 * @example sort(["b", "a"]) // ["a", "b"]
 * @example sort([1, 3, 2], false) // [3, 2, 1]
 */
declare function sort(list: Value[], ascending?: boolean | null): Value[];

/**
 * Says whether a mailbox of the recipient's account has a special use; without a mailbox whether any has it.
 *
 * @param use attribute such as `\Junk`, without case
 * @param mailbox path, its parts separated by `/`
 * @remarks Stages: data, deliver, imap.
 * @example special_use_exists("\\None") // false
 * @example special_use_exists("\\Junk", "No/Such") // false
 */
declare function special_use_exists(use: string, mailbox?: string | null): boolean;

/**
 * Says whether the client may send mail of the sender (SPF): a map with `result` (pass, fail, softfail, neutral, none, temperror, permerror), the `domain` that was checked, and with fail the domain's `explanation`, if it has one; that text is somebody else's. The null sender is checked as postmaster at `helo`. Where the client or the domain is not known the result is none. Without arguments the result that the gateway brought counts, if it did, and a run asks only once.
 *
 * @param ip IP address of the client; that of the transaction
 * @param helo its name in HELO or EHLO; that of the transaction
 * @param sender envelope sender, `""` for the null one; that of the transaction
 * @remarks Administrators' scripts only.
 * @example spf_check() // {"result": "pass", "domain": "example.net"}
 * @example spf_check("198.51.100.1") // {"result": "fail", "domain": "example.net"}
 */
declare function spf_check(ip?: string | null, helo?: string | null, sender?: string | null): { [key: string]: Value } | null;

/**
 * Splits text at every separator and returns the pieces, empty ones too.
 *
 * @param text text
 * @param separator plain text, not empty
 * @example split("a,b,,c", ",") // ["a", "b", "", "c"]
 * @example split("", ",") // [""]
 */
declare function split(text: string, separator: string): Value[];

/**
 * Splits text at the first n separators and returns the pieces, at most n+1.
 *
 * @param text text
 * @param separator plain text, not empty
 * @param n how many times to split
 * @example split_n("a,b,c", ",", 1) // ["a", "b,c"]
 * @example split_n("a,b,c", ",", 9) // ["a", "b", "c"]
 */
declare function split_n(text: string, separator: string, n: number | bigint): Value[];

/**
 * Splits text at the first separator and returns both pieces, or null if there is none (`""` in Stalwart).
 *
 * @param text text
 * @param separator plain text, not empty
 * @example split_once("a=b=c", "=") // ["a", "b=c"]
 * @example split_once("abc", "=") // null
 */
declare function split_once(text: string, separator: string): Value[] | null;

/**
 * Splits text at white space and returns the words that hold letters and digits only.
 *
 * @param text text
 * @example split_words("buy 2 now!") // ["buy", "2"]
 * @example split_words("schöne Grüße\n") // ["schöne", "Grüße"]
 */
declare function split_words(text: string): Value[];

/**
 * Runs a statement in an SQL database and returns its rows, a list of maps by the names of the columns. The statement's arguments are bound and never become a part of its text. Stores are read-only unless their configuration says `write = true`; then a statement that has no rows to give returns `{changed: n}`, the number of rows that it changed. In PostgreSQL `$1`, `$2` may be written in place of `?`. Values: NULL is null, blobs are bytes, times are text as `2026-01-02T03:04:05Z`, days as `2026-01-02`, and what no kind can hold (numeric, uuid, json, arrays) is text. More rows or octets than the store allows are an error, and so is a database that does not answer in time.
 *
 * @param store id of a store with `sql = true`
 * @param sql one statement, with `?` in place of each argument
 * @param args null, bool, int, float, string or bytes; or one list of them
 * @remarks Administrators' scripts only.
 * @example sql_query("crm", "SELECT name, score FROM customers WHERE address = ?", "alice@example.net") // [{"name": "Alice", "score": 5}]
 * @example sql_query("crm", "SELECT address FROM customers WHERE score IS NULL OR score > ? ORDER BY address", 4.5) // [{"address": "alice@example.net"}, {"address": "bob@example.org"}]
 */
declare function sql_query(store: string, sql: string, ...args: (Value)[]): Value;

/**
 * Is `sql_query` with columns in their order: a map of `columns`, the list of their names, and `rows`, a list of lists of values. The statement's arguments are bound and never become a part of its text. Stores are read-only unless their configuration says `write = true`; then a statement that has no rows to give returns `{changed: n}`, the number of rows that it changed. In PostgreSQL `$1`, `$2` may be written in place of `?`. Values: NULL is null, blobs are bytes, times are text as `2026-01-02T03:04:05Z`, days as `2026-01-02`, and what no kind can hold (numeric, uuid, json, arrays) is text. More rows or octets than the store allows are an error, and so is a database that does not answer in time.
 *
 * @param store id of a store with `sql = true`
 * @param sql one statement, with `?` in place of each argument
 * @param args null, bool, int, float, string or bytes; or one list of them
 * @remarks Administrators' scripts only.
 * @example sql_table("crm", "SELECT address, score FROM customers ORDER BY score DESC") // {"columns": ["address", "score"], "rows": [["alice@example.net", 5], ["bob@example.org", null]]}
 * @example sql_table("crm", "SELECT 1 AS a, 2 AS a") // {"columns": ["a", "a"], "rows": [[1, 2]]}
 */
declare function sql_table(store: string, sql: string, ...args: (Value)[]): { [key: string]: Value } | null;

/**
 * Returns the stage that the script runs at: connect, ehlo, mail, rcpt, data, deliver, imap or cron.
 *
 * @example stage() // "deliver"
 * @example stage() // "connect"
 */
declare function stage(): string;

/**
 * Says whether text starts with part, or with any part of a list.
 *
 * @param text text
 * @param part plain text, or a list of which any one will do
 * @example starts_with("Re: hello", "Re:") // true
 * @example starts_with("AW: hallo", ["Re:", "AW:"]) // true
 */
declare function starts_with(text: string, part: Value): boolean;

/**
 * Returns a number, truth value or bytes as text; null is `""`. A float that is whole is written without a point. What is no UTF-8 in bytes becomes U+FFFD. Lists and maps are written by `json_print`.
 *
 * @param value any value
 * @example string(42) // "42"
 * @example string(1.5) // "1.5"
 */
declare function string(value: Value): string | null;

/**
 * Returns text without prefix, or `""` if it does not start with it; of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @param affix what to take off
 * @example strip_prefix("user+tag", "user+") // "tag"
 * @example strip_prefix("user", "x") // ""
 */
declare function strip_prefix(text: Value, affix: string): Value;

/**
 * Returns text without suffix, or `""` if it does not end with it; of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @param affix what to take off
 * @example strip_suffix("user+tag", "-tag") // ""
 * @example strip_suffix("invoice.pdf", ".pdf") // "invoice"
 */
declare function strip_suffix(text: Value, affix: string): Value;

/**
 * Returns the Subject, decoded to text; `""` if there is none.
 *
 * @remarks Stages: data, deliver, imap.
 * @example subject() // "Grüße from the example"
 * @example subject() // "Three parts"
 */
declare function subject(): string;

/**
 * Returns count characters of text from start on, counted from 0; fewer where the text ends before.
 *
 * @param text text
 * @param start characters in front; below 0 is 0
 * @param count characters; left out: all to the end
 * @example substring("delivery", 2, 4) // "live"
 * @example substring("grün", 2) // "ün"
 */
declare function substring(text: string, start: number | bigint, count?: number | bigint | null): string;

/**
 * Returns the sum of the numbers of a list: an int if all are, else a float; 0 of none. (In expr, `sum(list, predicate)` is there too.)
 *
 * @param list numbers
 * @example sum_of([1, 2, 3]) // 6
 * @example sum_of([1, 0.5]) // 1.5
 */
declare function sum_of(list: Value[]): number | bigint;

/**
 * Refuses the message for now: nothing else of the plan is done, and the peer tries again later.
 *
 * @param reason text for the sender; at most 8 KiB of it are used
 * @remarks Stages: connect, ehlo, mail, rcpt, data, deliver.
 * @example tempfail("not today") // true
 * @example tempfail("no") // true
 */
declare function tempfail(reason: string): boolean;

/**
 * Returns the base subject of a subject (RFC 5256): without `Re:`, `Fwd:`, `(fwd)` and the tags of lists in front, blanks joined. Marks that mail programs write in other languages (`AW:`, `SV:`, `Antw:`, `回复：`) and numbered ones (`Re[2]:`) are taken off too. A list gives a list.
 *
 * @param subject decoded subject, or a list of such
 * @example thread_name("Re: Fwd: lunch") // "lunch"
 * @example thread_name("[list] RE: [list] lunch (fwd)") // "lunch"
 */
declare function thread_name(subject: Value): Value;

/**
 * Returns text in lower case (Unicode); of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @example to_lowercase("GRÜN") // "grün"
 * @example to_lowercase("") // ""
 */
declare function to_lowercase(text: Value): Value;

/**
 * Returns text in upper case (Unicode); of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @example to_uppercase(["a", "b"]) // ["A", "B"]
 * @example to_uppercase("grün") // "GRÜN"
 */
declare function to_uppercase(text: Value): Value;

/**
 * Returns what stands in text, in order, repeats too. `words`: runs of letters and digits, with apostrophes in them; each Chinese character and each hiragana is a word. `uri` (or `url`): web addresses, `https://` put in front of those without a scheme, and mail addresses; a name without a scheme counts if it ends in a known top level domain. `uri_strict` (or `url_strict`): those with a scheme alone. `email`: mail addresses. A list counts as its texts one behind the other. Addresses in HTML are found by `html_links`.
 *
 * @param text text, or a list of text
 * @param kind `words`, `uri`, `url`, `uri_strict`, `url_strict` or `email`
 * @example tokenize("Don't buy 2, sell!", "words") // ["Don't", "buy", "2", "sell"]
 * @example tokenize("e-mail: grün_1", "words") // ["e", "mail", "grün", "1"]
 */
declare function tokenize(text: Value, kind: string): Value[];

/**
 * Returns text without white space at both ends; of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @example trim("  a b ") // "a b"
 * @example trim("\r\n\t") // ""
 */
declare function trim(text: Value): Value;

/**
 * Returns text without white space at its end; of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @example trim_end(" a  ") // " a"
 * @example trim_end([" a ", ""]) // [" a", ""]
 */
declare function trim_end(text: Value): Value;

/**
 * Returns text without white space at its start; of a list, the list of its texts so changed.
 *
 * @param text text, or a list of texts
 * @example trim_start("  a ") // "a "
 * @example trim_start([]) // []
 */
declare function trim_start(text: Value): Value;

/**
 * Returns text if it has at most length characters; else its start, with ending behind it, in length characters together.
 *
 * @param text text
 * @param length characters, 0 or more
 * @param ending text that shows the cut
 * @example truncate("Grüße aus Wien", 6) // "Grüße…"
 * @example truncate("short", 5) // "short"
 */
declare function truncate(text: string, length: number | bigint, ending?: string | null): string;

/**
 * Remembers the Message-ID of a message that a user sends, for 30 days, so that an answer to it is known by `trusted_reply_check`. Returns false where there is no lawful id. It is for mail whose sender is authenticated: who can add ids can have any mail trusted.
 *
 * @param message_id the id in angle brackets; left out, that of the message
 * @remarks Administrators' scripts only.
 * @example trusted_reply_add() // true
 * @example trusted_reply_add("<1@example.org>") // true
 */
declare function trusted_reply_add(message_id?: string | null): boolean;

/**
 * Says whether the message answers one that `trusted_reply_add` remembers: whether In-Reply-To or References name it. At most 50 ids are looked up, those of In-Reply-To first and then the last ones of References.
 *
 * @param message_ids ids in angle brackets, in place of those of the message
 * @remarks Administrators' scripts only.
 * @example trusted_reply_check() // false
 * @example trusted_reply_check("<0@example.com> <example-1@example.net>") // true
 */
declare function trusted_reply_check(message_ids?: string | null): boolean;

/**
 * Returns what text looks like, to compare it with the skeleton of other text: if they are equal, people take one for the other. It is not for showing: `1`, `I` and `|` become `l`, `0` becomes `O`, `m` becomes `rn`. It is the skeleton of UTS 39 for characters that look like ASCII (Cyrillic, Greek, Armenian, Hebrew, Cherokee and others), with accents kept, and styled letters made plain. A list gives a list.
 *
 * @param text text, or a list of text
 * @example unicode_skeleton("pаypаl") // "paypal"
 * @example unicode_skeleton("paypa1") // "paypal"
 */
declare function unicode_skeleton(text: Value): Value;

/**
 * Returns a part of a URI as browsers find it, who open what mail only shows: backslashes are slashes, blanks around it and line ends in it do not count, the host is in lower case with %xx decoded, invisible characters taken out and numbers made an IPv4 address. The parts are `scheme` (lower case), `user` (name and password), `host` (an IPv6 address without brackets), `port` (digits, `""` if not given), `authority` (user, host and port as written), `scheme_host` (`https://example.org`), `path` (`/` if a web address has none), `query`, `path_query` and `fragment`, these without `?` and `#` in front and as written. Text without a scheme is read as one that begins with the host if that is an IP address or a name below a known top level domain, else as a path. `""` if there is no such part. A list gives a list.
 *
 * @param uri URI, or a list of such
 * @param part name of the part
 * @example uri_part("https://eve:pw@WWW.Example.org:8443/a/b?c=d#e", "host") // "www.example.org"
 * @example uri_part("https://eve:pw@WWW.Example.org:8443/a/b?c=d#e", "scheme_host") // "https://www.example.org"
 */
declare function uri_part(uri: Value, part: string): Value;

/**
 * Returns text with each % and two hex digits replaced by their octet. A % that has no digits stays.
 *
 * @param text encoded text
 * @param form true: `+` is a space, as in the data of forms
 * @example url_decode("a%20b%C3%bc+") // "a bü+"
 * @example url_decode("a+b%2B", true) // "a b+"
 */
declare function url_decode(text: string, form?: boolean | null): string;

/**
 * Returns text with every octet but letters, digits and `-._~` as % and two hex digits (RFC 3986), so that it can be a part of a path or query.
 *
 * @param text text
 * @example url_encode("a b&c=ü/+") // "a%20b%26c%3D%C3%BC%2F%2B"
 * @example url_encode("a-b._~") // "a-b._~"
 */
declare function url_encode(text: string): string;

/**
 * Returns the values of a map in the byte order of their names.
 *
 * @param map map
 * @example values({"b": 1, "a": 2}) // [2, 1]
 * @example values({}) // []
 */
declare function values(map: { [key: string]: Value }): Value[];

/**
 * Returns the English name of the day of a time: Monday to Sunday.
 *
 * @param time unix seconds, in the years 0 to 9999
 * @param zone such as `"+0200"`, `"UTC"` or `"Europe/Berlin"`; left out: UTC
 * @example weekday(1767225600) // "Thursday"
 * @example weekday(1767225600, "America/Los_Angeles") // "Wednesday"
 */
declare function weekday(time: number | bigint, zone?: string | null): string;

/**
 * Returns the list without its empty elements; a value that is no list as it is.
 *
 * @param list list
 * @example winnow(["a", "", "b"]) // ["a", "b"]
 * @example winnow([0, false, null, [], {}]) // [0, false]
 */
declare function winnow(list: Value): Value;
