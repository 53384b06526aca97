package mail

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
