package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// crashed is what a crash left: the file, its WAL, and what the rows were after each
// commit in it.
type crashed struct {
	file, wal []byte
	ends      []int // where each commit ends in the WAL
	rows      []map[string]string
}

const (
	walHeader   = 32
	frameHeader = 24
	pageSize    = 4096
)

// crash makes some commits of one and of several pages and takes the files as they
// stand, without closing.
func crash(t *testing.T) crashed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db := openAt(t, path, Options{})
	if err := db.Close(); err != nil { // the schema is in the file, not in the WAL
		t.Fatal(err)
	}
	db = openAt(t, path, Options{})
	c := crashed{rows: []map[string]string{{}}}
	for i := range 12 {
		k, v := fmt.Sprint("key", i), strings.Repeat(fmt.Sprint(i, " "), 10+i%3*2000)
		if err := db.Write(t.Context(), func(tx *Tx) error { return errors.Join(put("last", k)(tx), put(k, v)(tx)) }); err != nil {
			t.Fatal(err)
		}
		next := maps.Clone(c.rows[i])
		next["last"], next[k] = k, v
		c.rows = append(c.rows, next)
	}
	var err error
	if c.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if c.wal, err = os.ReadFile(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	for at := walHeader; at < len(c.wal); at += frameHeader + pageSize {
		if binary.BigEndian.Uint32(c.wal[at+4:]) != 0 { // the last frame of a commit
			c.ends = append(c.ends, at+frameHeader+pageSize)
		}
	}
	if len(c.ends) != len(c.rows)-1 {
		t.Fatalf("%d commits in the WAL, want %d", len(c.ends), len(c.rows)-1)
	}
	return c
}

// whole returns how many commits lie before octet n of the WAL.
func (c crashed) whole(n int) int {
	for i, end := range c.ends {
		if end > n {
			return i
		}
	}
	return len(c.ends)
}

// reopen opens the file with a damaged WAL and compares every row; then it writes.
func (c crashed) reopen(t *testing.T, wal []byte, commits int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if err := errors.Join(os.WriteFile(path, c.file, 0o600), os.WriteFile(path+"-wal", wal, 0o600)); err != nil {
		t.Fatal(err)
	}
	db := openAt(t, path, Options{})
	if diff := cmp.Diff(c.rows[commits], all(t, db)); diff != "" {
		t.Errorf("want the rows after %d commits: %s", commits, diff)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Write(t.Context(), put("new", "x")); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	want := maps.Clone(c.rows[commits])
	want["new"] = "x"
	if diff := cmp.Diff(want, all(t, openAt(t, path, Options{}))); diff != "" {
		t.Errorf("after a write: %s", diff)
	}
}

func TestATornWALKeepsExactlyTheCommitsBeforeTheTear(t *testing.T) {
	c := crash(t)
	var cuts []int
	for at := walHeader; at <= len(c.wal); at += frameHeader + pageSize {
		cuts = append(cuts, at-1, at, at+1, at+frameHeader-1, at+frameHeader, at+frameHeader+pageSize/2)
	}
	for _, n := range append([]int{0, 1, walHeader / 2}, cuts...) {
		if n <= len(c.wal) {
			t.Run(fmt.Sprintf("cut at %d", n), func(t *testing.T) { c.reopen(t, c.wal[:n], c.whole(n)) })
		}
	}
}

func TestAnOctetFlippedInTheWALEndsItThere(t *testing.T) {
	c := crash(t)
	frames := (len(c.wal) - walHeader) / (frameHeader + pageSize)
	var places []int
	for f := range frames {
		at := walHeader + f*(frameHeader+pageSize)
		places = append(places, at+3, at+7, at+9, at+17, at+frameHeader, at+frameHeader+100+f*50, at+frameHeader+pageSize-1)
	}
	for _, n := range places {
		t.Run(fmt.Sprintf("at %d", n), func(t *testing.T) {
			wal := append([]byte{}, c.wal...)
			wal[n] ^= 0x40
			frame := walHeader + (n-walHeader)/(frameHeader+pageSize)*(frameHeader+pageSize)
			c.reopen(t, wal, c.whole(frame))
		})
	}
	t.Run("zeros behind the tear", func(t *testing.T) {
		wal := append([]byte{}, c.wal...)
		clear(wal[c.ends[5]+100:])
		c.reopen(t, wal, 6)
	})
	t.Run("an older WAL behind the tear", func(t *testing.T) {
		// Frames of an earlier use of the file have another salt, whatever they say.
		wal := append([]byte{}, c.wal...)
		for at := c.ends[5]; at < len(wal); at += frameHeader + pageSize {
			wal[at+8] ^= 1
		}
		c.reopen(t, wal, 6)
	})
}
