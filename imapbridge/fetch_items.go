package imapbridge

import (
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// The data items of RFC 3501.
func init() {
	const spec = "RFC 3501, section 6.4.5"
	registerFetchItem(FetchItem{Name: "UID", Spec: spec, Write: func(f *Fetched, _ any) {
		f.W.Text("UID ").Uint(uint64(f.Entry.UID))
	}})
	registerFetchItem(FetchItem{Name: "FLAGS", Spec: spec, Write: func(f *Fetched, _ any) {
		f.W.Text("FLAGS ").Append(func(dst []byte) []byte {
			return appendFlags(dst, f.Entry, f.Session.sel.isRecent(f.Entry))
		})
	}})
	registerFetchItem(FetchItem{Name: "RFC822.SIZE", Spec: spec, Write: func(f *Fetched, _ any) {
		f.W.Text("RFC822.SIZE ").Uint(uint64(f.Entry.Size))
	}})
	registerFetchItem(FetchItem{Name: "INTERNALDATE", Spec: spec, Needs: NeedEmail, Write: func(f *Fetched, _ any) {
		f.W.Text("INTERNALDATE ").DateTime(f.Email.Received)
	}})
	registerFetchItem(FetchItem{Name: "ENVELOPE", Spec: spec, Needs: NeedEmail, Write: func(f *Fetched, _ any) {
		f.W.Text("ENVELOPE ").Raw(f.Email.Envelope)
	}})
	registerFetchItem(FetchItem{Name: "BODYSTRUCTURE", Spec: spec, Needs: NeedEmail, Write: func(f *Fetched, _ any) {
		f.W.Text("BODYSTRUCTURE ").Raw(f.Email.BodyStructure)
	}})
	// BODY without brackets is a structure; bodyItem takes the parser to the right one.
	registerFetchItem(FetchItem{Name: "BODY", Spec: spec, Needs: NeedEmail, Write: func(f *Fetched, _ any) {
		f.W.Text("BODY ").Raw(f.Email.Body)
	}})
	registerFetchItem(FetchItem{Name: "BODY[]", Spec: spec, Needs: NeedMessage, Seen: true, Parse: parseSection, Write: writeSection})
	registerFetchItem(FetchItem{Name: "BODY.PEEK[]", Spec: spec, Needs: NeedMessage, Parse: parseSection, Write: writeSection})
	for _, old := range []struct {
		name, specifier string
		seen            bool
	}{
		{"RFC822", "", true},
		{"RFC822.HEADER", wire.SectionHeader, false},
		{"RFC822.TEXT", wire.SectionText, true},
	} {
		section := &wire.Section{Specifier: old.specifier}
		registerFetchItem(FetchItem{Name: old.name, Spec: spec, Needs: NeedMessage, Seen: old.seen, Write: func(f *Fetched, _ any) {
			data, _ := cutSection(f.Message, section)
			f.W.Text(old.name + " ").Literal(data)
		}})
	}
}

// fetchMacros are the names that stand for several items.
var fetchMacros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// parseSection reads a section.
func parseSection(p *wire.Parser) any {
	s := p.Section()
	return &s
}

// writeSection writes the octets of a section, NIL if there is no such section.
func writeSection(f *Fetched, arg any) {
	s := arg.(*wire.Section)
	f.W.Text("BODY").Append(s.AppendSection).Text(" ")
	data, ok := cutSection(f.Message, s)
	if !ok {
		f.W.Text("NIL")
		return
	}
	f.W.Literal(s.Partial.Cut(data))
}
