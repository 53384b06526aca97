package stalwart

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
)

// names are the functions of Stalwart: those of expressions, and those of trusted Sieve scripts.
const names = `count sort dedup winnow is_intersect is_email email_part is_empty is_number is_ip_addr is_ipv4_addr is_ipv6_addr is_ip_in_cidr
ip_reverse_name if_then trim trim_start trim_end len to_lowercase to_uppercase is_uppercase is_lowercase has_digits count_spaces
count_uppercase count_lowercase count_chars contains contains_ignore_case eq_ignore_case starts_with ends_with lines substring
strip_prefix strip_suffix split rsplit split_once rsplit_once split_n split_words hash
key_get key_exists key_set counter_get counter_incr sql_query dns_query is_local_domain is_local_address matches config_get system metric
query exec dns_exists http_header add_header tokenize domain_part llm_prompt print
is_encoding_problem is_attachment is_body var_names attachment_name mime_part_len is_ascii detect_language thread_name html_to_text
is_header_utf8_valid img_metadata has_zwsp has_obscured is_mixed_charset puny_decode unicode_skeleton cure_text detect_file_type
received_part cosine_similarity jaccard_similarity levenshtein_distance uri_part`

// TestEveryFunction checks that each function of Stalwart is there, or that a script which
// calls it is told why it is not.
func TestEveryFunction(t *testing.T) {
	for name := range strings.FieldsSeq(names) {
		f, own := functions[name]
		_, why := gone[name]
		on := f.on
		if on == "" {
			on = name
		}
		if name != "matches" && !why && (!own || on != "-") && runtime.Lookup(on) == nil {
			t.Errorf("%s is not there", name)
		}
		if why && (own || runtime.Lookup(name) != nil) {
			t.Errorf("%s is there, and told to be gone", name)
		}
	}
}
