package imapbridge

import (
	"bytes"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

// cutSection returns the octets that a section names, ok=false if the message has no
// such section. The partial is not applied.
//
// Spec: RFC 3501, section 6.4.5.
func cutSection(m *mail.Message, s *wire.Section) (data []byte, ok bool) {
	if len(s.Path) > 0 {
		part := m.Section(s.Path)
		switch {
		case part == nil:
			return nil, false
		case s.Specifier == "":
			return part.Body(), true
		case s.Specifier == wire.SectionMIME:
			return part.Header().Raw(), true
		case part.Message == nil:
			return nil, false // only a message has a header and a text
		}
		m = part.Message
	}
	switch s.Specifier {
	case wire.SectionHeader:
		return m.Header().Raw(), true
	case wire.SectionText:
		return m.Body(), true
	case wire.SectionHeaderFields:
		return pickFields(m.Header(), s.Fields, true), true
	case wire.SectionHeaderFieldsNot:
		return pickFields(m.Header(), s.Fields, false), true
	}
	return m.Raw(), true
}

// pickFields returns the octets of the fields with these names, or of all others, and
// the empty line.
func pickFields(h *mail.Header, names []string, with bool) []byte {
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[strings.ToLower(n)] = true
	}
	var out []byte
	for _, f := range h.Fields() {
		if wanted[strings.ToLower(f.Name)] == with {
			out = append(out, f.Raw...)
		}
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, "\r\n"...) // the message ends within its header
	}
	return append(out, "\r\n"...)
}
