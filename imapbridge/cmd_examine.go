package imapbridge

// EXAMINE opens a mailbox for reading only; messages stay \Recent for others.
func init() { registerSelect("EXAMINE", "RFC 3501, section 6.3.2", true) }
