package idmap

import "errors"

var (
	// ErrNotFound says that there is no such mailbox.
	ErrNotFound = errors.New("idmap: no such mailbox")
	// ErrExists says that the path or the role of a mailbox is taken.
	ErrExists = errors.New("idmap: mailbox exists")
	// ErrFull says that a mailbox has given its last UID.
	ErrFull = errors.New("idmap: no UID left in the mailbox")
	// ErrKeyword says that a keyword is not an atom or too long.
	ErrKeyword = errors.New("idmap: invalid keyword")
	// ErrTooManyKeywords says that an Email or the account has as many keywords as it may have.
	ErrTooManyKeywords = errors.New("idmap: too many keywords")
)
