package mail

import (
	"iter"
	"strconv"
)

// Section returns the part that IMAP numbers path, nil if there is none; the empty
// path is the root. BODY[path] is then its Body, BODY[path.MIME] the Raw of its
// Header; of a part that has a Message, BODY[path.HEADER] and BODY[path.TEXT] are
// cut from that.
//
// A message that is no multipart is its own part 1. The numbers below a
// message/rfc822 part are those of the message that it holds.
//
// Spec: RFC 3501, section 6.4.5; RFC 9051, section 6.4.5.1.
func (m *Message) Section(path []int) *Part {
	p := m.Root()
	top := true // p is the root of a message whose parts are still to be counted
	for _, n := range path {
		switch {
		case p.Multipart():
			if n < 1 || n > len(p.Parts) {
				return nil
			}
			p, top = p.Parts[n-1], false
		case top && n == 1:
			top = false
		case !top && p.Message != nil:
			root := p.Message.Root()
			if root.Multipart() {
				if n < 1 || n > len(root.Parts) {
					return nil
				}
				p = root.Parts[n-1]
			} else if n == 1 {
				p = root
			} else {
				return nil
			}
		default:
			return nil
		}
	}
	return p
}

// Paths returns all parts of the message with the numbers that IMAP gives them, such as "2.1"; ""
// is a root that is a multipart. A multipart that is all that a message/rfc822 part holds has no
// number of its own, and is left out; its parts are not.
//
// Spec: RFC 3501, section 6.4.5.
func (m *Message) Paths() iter.Seq2[string, *Part] {
	return func(yield func(string, *Part) bool) {
		root := m.Root()
		if root.Multipart() {
			_ = yield("", root) && below("", root, yield)
			return
		}
		_ = yield("1", root) && inside("1", root, yield)
	}
}

// below yields what is in a multipart.
func below(path string, p *Part, yield func(string, *Part) bool) bool {
	if path != "" {
		path += "."
	}
	for i, child := range p.Parts {
		at := path + strconv.Itoa(i+1)
		if !yield(at, child) || !inside(at, child, yield) {
			return false
		}
	}
	return true
}

// inside yields what is in a part.
func inside(path string, p *Part, yield func(string, *Part) bool) bool {
	switch {
	case p.Multipart():
		return below(path, p, yield)
	case p.Message == nil:
		return true
	}
	root := p.Message.Root()
	if root.Multipart() {
		return below(path, root, yield)
	}
	return yield(path+".1", root) && inside(path+".1", root, yield)
}
