package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// keywordsFile holds the keywords of a folder: lines of a number and a name, where number 0
// is the letter a in file names. It is Dovecot's.
const keywordsFile = "dovecot-keywords"

// maxKeywords is how many letters there are.
const maxKeywords = 26

// keywords are the names of the letters a to z in a folder; "" where there is none.
type keywords [maxKeywords]string

// readKeywords reads the keywords of a folder.
func readKeywords(dir string) (k keywords, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, keywordsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	return parseKeywords(raw), err
}

// parseKeywords reads a keywords file. Lines that say nothing are left out.
func parseKeywords(raw []byte) (k keywords) {
	for line := range bytes.Lines(raw) {
		number, name, ok := strings.Cut(strings.TrimSpace(string(line)), " ")
		if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < maxKeywords && name != "" {
			k[n] = name
		}
	}
	return k
}

// text returns the file.
func (k *keywords) text() []byte {
	var b bytes.Buffer
	for i, name := range k {
		if name != "" {
			fmt.Fprintf(&b, "%d %s\n", i, name)
		}
	}
	return b.Bytes()
}

// letter returns the letter of a keyword, 0 if it has none.
func (k *keywords) letter(name string) byte {
	for i, have := range k {
		if have != "" && strings.EqualFold(have, name) {
			return 'a' + byte(i)
		}
	}
	return 0
}

// add gives a keyword a letter and returns it.
func (k *keywords) add(name string) (byte, error) {
	if l := k.letter(name); l != 0 {
		return l, nil
	}
	for i, have := range k {
		if have == "" {
			k[i] = name
			return 'a' + byte(i), nil
		}
	}
	return 0, ErrKeywords
}

// flags returns the IMAP flags that the letters of a file name stand for.
func (k *keywords) flags(letters string) []string {
	var out []string
	for _, c := range []byte(letters) {
		if f, ok := flagOf[c]; ok {
			out = append(out, f)
		} else if c >= 'a' && c <= 'z' && k[c-'a'] != "" {
			out = append(out, k[c-'a'])
		}
	}
	return out
}

// lockTime is how long a lock of another program is waited for; only tests change it.
var lockTime = 10 * time.Second

// lockKeywords keeps Dovecot from changing the keywords of a folder meanwhile.
func lockKeywords(dir string) (unlock func(), err error) {
	return dotLock(filepath.Join(dir, "dovecot-uidlist"), lockTime)
}
