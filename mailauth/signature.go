package mailauth

import (
	"bytes"
	"io"
	"strings"
)

// headerFields returns the fields of a header as the library parts them, and how many octets
// they have together.
func headerFields(message []byte) (fields [][]byte, octets int) {
	start := 0
	for pos := 0; pos < len(message); {
		end := len(message)
		if i := bytes.IndexByte(message[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(message[pos:end], []byte{'\n'}), []byte{'\r'})
		if len(line) == 0 {
			break
		}
		if pos > start && line[0] != ' ' && line[0] != '\t' {
			fields, start = append(fields, message[start:pos]), pos
		}
		pos = end
		octets = end
	}
	if octets > start {
		fields = append(fields, message[start:octets])
	}
	return fields, octets
}

// headerEnd is what a message lacks that has no body and no empty line.
func headerEnd(message []byte, header int) io.Reader {
	if header == len(message) {
		return strings.NewReader("\r\n\r\n")
	}
	return strings.NewReader("")
}

// signature is what a DKIM-Signature field says of itself.
type signature struct {
	DKIMResult
	keyName string
	names   int // in h=
}

// parseSignature reads a field's value as far as it can be read. Whether it is lawful is not
// asked.
func parseSignature(value string) (s signature) {
	tags := tagList(value)
	domain := tags["d"]
	if s.Domain = asciiDomain(domain); s.Domain == "" {
		s.Domain = printable(strings.ToLower(domain), 253)
	}
	s.Selector = printable(tags["s"], 253)
	if s.Identity = printable(tags["i"], 1000); s.Identity == "" {
		s.Identity = "@" + s.Domain
	}
	s.Algorithm = printable(strings.ToLower(tags["a"]), 60)
	s.Signature = printable(tags["b"], 8)
	_, s.Partial = tags["l"]
	s.names = strings.Count(tags["h"], ":") + 1
	s.keyName = tags["s"] + "._domainkey." + domain
	return s
}

// keyRecord returns the tags of the one record of a key.
func keyRecord(texts []string) map[string]string {
	if len(texts) != 1 || len(texts[0]) > maxKeyRecord {
		return nil
	}
	return tagList(texts[0])
}

// tagList reads name=value pairs that semicolons part, blanks taken out of values. The first
// of a name counts; what is no pair is left out.
//
// Spec: RFC 6376, section 3.2
func tagList(s string) map[string]string {
	tags := map[string]string{}
	for pair := range strings.SplitSeq(s, ";") {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if _, twice := tags[name]; !ok || twice {
			continue
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	return tags
}
