package idmap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/sqlite"
)

// Limits of keywords. A kwset grows with the number of keywords of one Email, the
// keyword table with the number of different ones of the account.
const (
	MaxKeyword         = 255  // octets of one keyword
	MaxKeywordsOfEmail = 128  // on one Email
	MaxKeywords        = 4096 // different ones in an account
)

// system maps JMAP's names of the system flags.
//
// Spec: RFC 8621, section 4.1.1.
var system = map[string]Flags{"$seen": Seen, "$answered": Answered, "$flagged": Flagged, "$draft": Draft}

// SplitKeywords parts JMAP's names of system flags from the other keywords.
func SplitKeywords(names []string) (Flags, []string) {
	var flags Flags
	var rest []string
	for _, n := range names {
		if len(n) <= len("$answered") {
			if f, ok := system[strings.ToLower(n)]; ok {
				flags |= f
				continue
			}
		}
		rest = append(rest, n)
	}
	return flags, rest
}

// JoinKeywords is the reverse of SplitKeywords, in JMAP's form: lower case, ascending.
func JoinKeywords(flags Flags, names []string) []string {
	out := make([]string, 0, len(names)+4)
	for n, f := range system {
		if flags&f != 0 {
			out = append(out, n)
		}
	}
	for _, n := range names {
		out = append(out, strings.ToLower(n))
	}
	slices.Sort(out)
	return out
}

// ValidKeyword says whether name is an atom that can be a keyword.
//
// Spec: RFC 9051, section 9 (flag-keyword); RFC 8621, section 4.1.1.
func ValidKeyword(name string) bool {
	if name == "" || len(name) > MaxKeyword {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || strings.IndexByte(`(){]%*"\`, c) >= 0 {
			return false
		}
	}
	return true
}

// kwset returns the set of these keywords as it is stored: their numbers ascending,
// each as a varint. Keywords that are new to the account are given one.
func (c *Change) kwset(names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	ids := make([]uint64, 0, len(names))
	for _, name := range names {
		id, err := c.keyword(name)
		if err != nil {
			return "", err
		}
		ids = append(ids, id)
	}
	return pack(ids)
}

func pack(ids []uint64) (string, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > MaxKeywordsOfEmail {
		return "", fmt.Errorf("%w: more than %d on one message", ErrTooManyKeywords, MaxKeywordsOfEmail)
	}
	var out []byte
	for _, id := range ids {
		out = binary.AppendUvarint(out, id)
	}
	return string(out), nil
}

// unpack is the reverse of pack. Octets that are no varint end it.
func unpack(kwset []byte) []uint64 {
	var ids []uint64
	for len(kwset) > 0 {
		id, n := binary.Uvarint(kwset)
		if n <= 0 {
			break
		}
		ids = append(ids, id)
		kwset = kwset[n:]
	}
	return ids
}

func (c *Change) keyword(name string) (uint64, error) {
	if !ValidKeyword(name) {
		return 0, fmt.Errorf("%w: %.64q", ErrKeyword, name)
	}
	id, err := findKeyword(c.tx.Conn, name)
	if err != nil || id != 0 {
		return id, err
	}
	var n int
	if err := c.tx.QueryRow(`SELECT count(*) FROM keyword`).Scan(&n); err != nil {
		return 0, fmt.Errorf("idmap: keyword: %w", err)
	}
	if n >= MaxKeywords {
		return 0, fmt.Errorf("%w: more than %d in the account", ErrTooManyKeywords, MaxKeywords)
	}
	if _, err := c.tx.Exec(`INSERT INTO keyword (name, fold) VALUES (?, ?)`, name, strings.ToLower(name)); err != nil {
		return 0, fmt.Errorf("idmap: keyword: %w", err)
	}
	return uint64(c.tx.LastInsertID()), nil
}

// findKeyword returns the number of a keyword, 0 if the account has none like it.
func findKeyword(c *sqlite.Conn, name string) (uint64, error) {
	var id uint64
	err := c.QueryRow(`SELECT id FROM keyword WHERE fold = ?`, strings.ToLower(name)).Scan(&id)
	if err != nil && !errors.Is(err, sqlite.ErrNoRows) {
		return 0, fmt.Errorf("idmap: keyword: %w", err)
	}
	return id, nil
}

// words turns stored sets into lists of names, each made once and shared. It belongs
// to readers; what it keeps was committed.
type words struct {
	names map[uint64]string
	sets  map[string][]string
}

// maxSets bounds the memory for lists that were once in use.
const maxSets = 10000

func (w *words) list(c *sqlite.Conn, kwset []byte) ([]string, error) {
	if len(kwset) == 0 {
		return nil, nil
	}
	if list, ok := w.sets[string(kwset)]; ok {
		return list, nil
	}
	var list []string
	for _, id := range unpack(kwset) {
		name, ok := w.names[id]
		if !ok {
			if err := c.QueryRow(`SELECT name FROM keyword WHERE id = ?`, id).Scan(&name); err != nil {
				return nil, fmt.Errorf("idmap: keyword %d: %w", id, err)
			}
			if w.names == nil {
				w.names = make(map[uint64]string)
			}
			w.names[id] = name
		}
		list = append(list, name)
	}
	slices.Sort(list)
	if w.sets == nil || len(w.sets) >= maxSets {
		w.sets = make(map[string][]string)
	}
	w.sets[string(kwset)] = list
	return list, nil
}
