package mailbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// SplitName divides the name of a message's file into its unique part, which stays the
// same, and the letters of its flags.
func SplitName(name string) (base, letters string) {
	base, info, ok := strings.Cut(name, ":")
	if !ok {
		return name, ""
	}
	letters, ok = strings.CutPrefix(info, "2,")
	if !ok {
		return base, ""
	}
	return base, letters
}

// JoinName is the opposite of SplitName, for a file in cur. Letters are sorted, as all
// programs write them.
func JoinName(base, letters string) string {
	l := []byte(letters)
	slices.Sort(l)
	return base + ":2," + string(slices.Compact(l))
}

// FolderDir returns the directory, below the root of a Maildir++, of the mailbox with that
// name, whose levels are parted by separator; "" is the inbox. The name may begin with the
// level INBOX, as some servers show it.
//
// A name that no Maildir++ can have is an error: levels are parted by dots there, so that none can
// hold one.
func FolderDir(name, separator string) (string, error) {
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("mailbox name %q is no UTF-8", name)
	}
	levels := strings.Split(strings.TrimSuffix(name, separator), separator)
	if strings.EqualFold(levels[0], "INBOX") {
		levels = levels[1:]
	}
	var dir strings.Builder
	for _, l := range levels {
		switch {
		case l == "":
			return "", fmt.Errorf("mailbox name %q has an empty level", name)
		case strings.Contains(l, "."):
			return "", fmt.Errorf("mailbox name %q: a level of a Maildir++ folder cannot hold a dot; if the names of the script are parted by dots, say --separator with a dot", name)
		case strings.ContainsAny(l, "/\x00"):
			return "", fmt.Errorf("mailbox name %q: a Maildir++ folder cannot hold a slash; if the names of the script are parted by slashes, say --separator with a dot", name)
		}
		dir.WriteByte('.')
		dir.WriteString(wire.EncodeMailbox(l))
	}
	if dir.Len() > 255 {
		return "", fmt.Errorf("mailbox name %.40q... is too long for a file system", name)
	}
	return dir.String(), nil
}

// FolderName is the opposite of FolderDir.
func FolderName(dir, separator string) string {
	if dir == "" {
		return "INBOX"
	}
	levels := strings.Split(strings.TrimPrefix(dir, "."), ".")
	for i, l := range levels {
		if name, err := wire.DecodeMailbox(l); err == nil {
			levels[i] = name
		}
	}
	return strings.Join(levels, separator)
}

// listFolders notes the directories of the mailboxes below the root.
func (m *Maildir) listFolders() error {
	all, err := os.ReadDir(m.Root)
	if err != nil {
		return err
	}
	m.folders = map[string]bool{"": true}
	for _, d := range all {
		if strings.HasPrefix(d.Name(), ".") && isDir(m.Root, d.Name(), "cur") {
			m.folders[d.Name()] = true
		}
	}
	return nil
}

// The letters of system flags.
//
// Spec: maildir, "What can I put in info?"; P (passed) has no IMAP flag but $Forwarded.
var letterOf = map[string]byte{`\seen`: 'S', `\answered`: 'R', `\flagged`: 'F', `\deleted`: 'T', `\draft`: 'D', "$forwarded": 'P'}

var flagOf = map[byte]string{'S': `\Seen`, 'R': `\Answered`, 'F': `\Flagged`, 'T': `\Deleted`, 'D': `\Draft`, 'P': "$Forwarded"}

// ErrKeywords says that a folder has all the 26 keywords that Maildir file names can tell.
var ErrKeywords = errors.New("the folder has 26 keywords already, and no letter for another one")
