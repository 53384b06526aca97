package bayes

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// The fields that give tokens beside Subject: those that a writer's software sets. Trace
// fields, dates, ids, recipients and the marks of filters are left out: they tell on which
// way, when and to whom a message came.
var (
	addressFields  = []string{"From", "Reply-To"}
	softwareFields = []string{"X-Mailer", "User-Agent"}
	presentFields  = []string{
		"In-Reply-To", "References", "List-Id", "List-Unsubscribe", "Precedence", "Reply-To", "X-Mailer", "User-Agent",
		"Organization", "X-Priority", "X-MSMail-Priority", "Importance", "MIME-Version", "Cc",
	}
)

// maxHosts bounds the parts of a domain that count: the last ones.
const maxHosts = 6

func (t *tokens) header(h *mail.Header) {
	t.words("subject", first(h, "Subject"))
	for _, name := range addressFields {
		for i, a := range mail.ParseAddresses(first(h, name)).Addresses {
			if i == 2 {
				break
			}
			t.words(name, a.Name)
			addr := strings.ToLower(a.String())
			t.add(word(name, addr))
			t.domain(name, addr[strings.LastIndexByte(addr, '@')+1:])
		}
	}
	for _, name := range softwareFields {
		t.words(name, first(h, name))
	}
	for _, name := range presentFields {
		if h.Has(name) {
			t.add(word("has", name))
		} else {
			t.add(word("lacks", name))
		}
	}
}

// first returns the text of the first field of that name, bounded.
func first(h *mail.Header, name string) string {
	for _, f := range h.Fields() {
		if strings.EqualFold(f.Name, name) {
			if len(f.Raw) > maxField {
				f.Raw = f.Raw[:maxField]
			}
			return f.Text()
		}
	}
	return ""
}

// domain adds a domain and those above it.
func (t *tokens) domain(place, d string) {
	for range maxHosts {
		t.add(word(place+"@", d))
		_, up, more := strings.Cut(d, ".")
		if !more {
			return
		}
		d = up
	}
}
