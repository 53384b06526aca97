package mail

// PrependReturnPath returns the message with one line in front, which says where it
// came from, as final delivery adds it; nothing else changes. from is the envelope
// sender, "" for the null one; control characters in it are left out, so that it
// stays one line.
//
// Spec: RFC 5321, section 4.4.
func PrependReturnPath(raw []byte, from string) []byte {
	out := make([]byte, 0, len("Return-Path: <>\r\n")+len(from)+len(raw))
	out = append(out, "Return-Path: <"...)
	for i := range len(from) {
		if c := from[i]; c >= ' ' && c != 0x7f {
			out = append(out, c)
		}
	}
	out = append(out, ">\r\n"...)
	return append(out, raw...)
}
