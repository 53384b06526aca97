// Package imapbridge is an IMAP4rev1 server over any Backend, an account's mail as IMAP
// sees it.
//
//	connection -> wire.Reader -> Session.dispatch -> Command (cmd_NAME.go) -> Backend
//	                                |                                          |
//	                             wire.Writer <- sync: what changed <- View <---+
//
// One goroutine serves a session. What it can do is in registries: commands, and RFC
// 4466's points of extension (select parameters, fetch items and modifiers, store
// modifiers, search keys, return options, status items). A file registers what it adds;
// CAPABILITIES.md is made from the registries.
//
// What holds:
//
//   - A session keeps a pointer to the mailbox's shared View, the one its client knows.
//     Everything unasked (EXISTS, RECENT, FETCH, EXPUNGE) is the difference between it and
//     a newer one, told before a command's tagged answer or while idle.
//   - Sequence numbers change only where RFC 3501, section 7.4.1, lets them: a message
//     that another session expunged keeps its number until then.
//   - Nothing is written to a connection while anything is locked.
//   - An announced literal is never run as commands, whatever became of its command.
//   - A client is told the text of an *imap.Error and of the mail store's own errors; any
//     other error is logged in full and told as a server error.
//   - A panic ends one session.
//   - No password is logged.
//
// Spec: RFC 3501; RFC 4466; the capabilities' own RFCs are named in their files.
package imapbridge
