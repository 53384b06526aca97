package runtime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// ExtList is an external list that scripts may ask: an address book, a dictionary, a table. Values
// are compared without the case of ASCII letters. Many goroutines may use it.
//
// Spec: RFC 6134
type ExtList interface {
	// Has says whether the list holds a value.
	Has(ctx context.Context, value string) (bool, error)
	// Entries returns the first entries in their order, at most so many.
	Entries(ctx context.Context, most int) ([]string, error)
}

// Limits of lists.
const (
	maxListFile  = 16 << 20 // octets
	maxListValue = 900      // octets; what is longer is in no list
)

// foldEntry returns a value as it is compared.
func foldEntry(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 0x20
		}
		return r
	}, s)
}

// FileList is a list in a file: one entry a line, without outer blanks; empty lines and those that
// begin with # are none. It is read again when the file has changed.
type FileList struct {
	Path string
	// Pairs says that a line with a key is followed by one with its value: the entries are the
	// keys, as they stand.
	Pairs bool

	mu      sync.Mutex
	size    int64
	changed time.Time
	order   []string
	entries map[string]bool
}

// Has says whether the file holds a value.
func (l *FileList) Has(_ context.Context, value string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return false, err
	}
	return l.entries[foldEntry(value)], nil
}

// Entries returns the first entries of the file.
func (l *FileList) Entries(_ context.Context, most int) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return nil, err
	}
	return l.order[:min(len(l.order), most)], nil
}

// load reads the file if it is not the one that was read. l.mu is held.
func (l *FileList) load() error {
	f, err := os.Open(l.Path)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("list: %w", err)
	case l.entries != nil && info.Size() == l.size && info.ModTime().Equal(l.changed):
		return nil
	case info.Size() > maxListFile:
		return fmt.Errorf("list: %s has over %d octets", l.Path, maxListFile)
	}
	order, err := readEntries(io.LimitReader(f, maxListFile), l.Pairs)
	if err != nil {
		return fmt.Errorf("list: %s: %w", l.Path, err)
	}
	entries := make(map[string]bool, len(order))
	for _, s := range order {
		entries[foldEntry(s)] = true
	}
	l.size, l.changed, l.order, l.entries = info.Size(), info.ModTime(), order, entries
	return nil
}

func readEntries(r io.Reader, pairs bool) ([]string, error) {
	var out []string
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for n := 0; in.Scan(); n++ {
		s := in.Text()
		if pairs {
			if n%2 == 0 {
				out = append(out, s)
			}
			continue
		}
		if s = strings.TrimSpace(s); s != "" && s[0] != '#' {
			out = append(out, s)
		}
	}
	return out, in.Err()
}

// StoreList is a list in a key-value store: the keys of a namespace that begin with a prefix are
// its entries. The keys are in lower case.
type StoreList struct {
	Store     func() (kv.Store, error)
	Namespace string
	Prefix    string
}

// Has says whether there is a key for a value.
func (l *StoreList) Has(ctx context.Context, value string) (bool, error) {
	s, err := l.Store()
	if err != nil {
		return false, err
	}
	if len(value) > maxListValue || value == "" && l.Prefix == "" {
		return false, nil
	}
	_, err = s.Get(ctx, ScriptKey(kv.Script, l.Namespace, l.Prefix+foldEntry(value)))
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Entries returns the first keys behind the prefix.
func (l *StoreList) Entries(ctx context.Context, most int) ([]string, error) {
	s, err := l.Store()
	if err != nil {
		return nil, err
	}
	begin := ScriptKey(kv.Script, l.Namespace, l.Prefix)
	var out []string
	for cursor := ""; len(out) < most; {
		items, next, err := s.List(ctx, begin.Prefix, begin.Name, cursor, most-len(out))
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			out = append(out, strings.TrimPrefix(i.Key.Name, begin.Name))
		}
		if cursor = next; next == "" {
			break
		}
	}
	return out, nil
}

// EndsRun says whether an error of a call ends the run even where what was asked could be taken as
// not decided: a limit, a replay that went astray, a store that cannot be reached.
func EndsRun(err error) bool {
	return errors.Is(err, ErrBudget) || errors.Is(err, ErrReplay) || errors.Is(err, kv.ErrUnavailable)
}
