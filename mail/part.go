package mail

import (
	"bytes"
	"iter"
	"path"
	"strings"
)

// Part is a node of the MIME tree: a body part with the header it has of its own,
// or a whole message. It does not change; many goroutines may use it.
//
// A part of type multipart has at least one child in Parts; one of type
// message/rfc822 or message/global has a Message; no other has either. Where the
// limits forbid to open such a part, its type is application/octet-stream.
type Part struct {
	Type, Subtype string            // lower case; text and plain by default, message and rfc822 in a multipart/digest
	Params        map[string]string // of Content-Type: lower-case names, values decoded (RFC 2231, RFC 2047)
	ParamList     []Param           // the same in order, names and values as they stand

	Disposition          string            // lower case; "" if there is none
	DispositionParams    map[string]string // as Params
	DispositionParamList []Param           // as ParamList

	Encoding    string // Content-Transfer-Encoding in lower case, 7bit by default
	ID          string // Content-ID as it stands
	Description string // Content-Description as it stands
	Language    string // Content-Language as it stands
	Location    string // Content-Location as it stands
	MD5         string // Content-MD5 as it stands

	Parts   []*Part  // children of a multipart
	Message *Message // what a message/rfc822 part holds

	header *Header
	raw    []byte
	offset int
}

// Param is a parameter of Content-Type or Content-Disposition as it stands in the
// field, with quotes taken off.
type Param struct{ Name, Value string }

// Header returns the part's own header; that of a message's root is the message's.
func (p *Part) Header() *Header { return p.header }

// Raw returns the part's octets, header and body. The line end in front of the next
// boundary belongs to the boundary.
func (p *Part) Raw() []byte { return p.raw }

// Body returns the octets behind the part's header as they stand, transfer encoding
// and all.
func (p *Part) Body() []byte { return p.raw[len(p.header.raw):] }

// Offset returns where Raw begins in the octets of the outermost message; what lies
// inside a message/rfc822 part that is itself encoded (base64) counts from the start
// of the decoded octets.
func (p *Part) Offset() int { return p.offset }

// BodyOffset returns where Body begins, counted as Offset does.
func (p *Part) BodyOffset() int { return p.offset + len(p.header.raw) }

// Lines returns the number of line ends in Body.
func (p *Part) Lines() int { return bytes.Count(p.Body(), []byte{'\n'}) }

// Multipart says whether the part has children.
func (p *Part) Multipart() bool { return p.Type == "multipart" }

// Decoded returns the body with its transfer encoding undone as far as that goes.
// The body of a multipart or of an unknown encoding is returned as it stands. The
// result may be a slice of the message, and must not be changed.
func (p *Part) Decoded() []byte {
	if p.Multipart() {
		return p.Body()
	}
	return decodeTransfer(p.Encoding, p.Body())
}

// Text returns the decoded body in UTF-8, read in the charset that the part names:
// an unknown one is windows-1252; without one octets that are no UTF-8 are.
func (p *Part) Text() string { return DecodeCharset(p.Params["charset"], p.Decoded()) }

// Filename returns the name under which the sender would have the part saved, from
// the disposition or the name parameter, "" if there is none. It has no folders and
// no control characters.
func (p *Part) Filename() string {
	name := p.DispositionParams["filename"]
	if name == "" {
		name = p.Params["name"]
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}

// All returns the part and all below it, parents first, those of nested messages
// included.
func (p *Part) All() iter.Seq[*Part] {
	return func(yield func(*Part) bool) { p.each(yield) }
}

func (p *Part) each(yield func(*Part) bool) bool {
	if !yield(p) {
		return false
	}
	for _, child := range p.Parts {
		if !child.each(yield) {
			return false
		}
	}
	return p.Message == nil || p.Message.Root().each(yield)
}
