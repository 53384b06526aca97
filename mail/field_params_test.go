package mail_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

func TestParseParams(t *testing.T) {
	for _, tt := range []struct {
		name, value, first string
		params             map[string]string
	}{
		{"a type alone", "text/plain", "text/plain", nil},
		{"parameters", `inline; FileName="a b.txt"; size=12`, "inline", map[string]string{"filename": "a b.txt", "size": "12"}},
		{"a comment and blanks", " attachment (so) ; x = y", "attachment", map[string]string{"x": "y"}},
		{"continuations", "a; t*0*=utf-8'en'%C3%BC; t*1=x", "a", map[string]string{"t": "üx"}},
		{"an encoded word", "a; name==?utf-8?q?=C3=BC?=", "a", map[string]string{"name": "ü"}},
		{"nothing", "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, params := mail.ParseParams(tt.value)
			if first != tt.first {
				t.Errorf("first %q, want %q", first, tt.first)
			}
			if diff := cmp.Diff(tt.params, params); diff != "" {
				t.Error(diff)
			}
		})
	}
}
