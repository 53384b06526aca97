package kv

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeysOfBytesAreInOrderAndReadBack(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) Key {
		return Key{Prefix(rapid.Byte().Draw(t, "prefix")), string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff}), 0, 4).Draw(t, "name"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		if got, err := ParseKey(a.Octets()); got != a || err != nil {
			t.Fatalf("%v is read back as %v, %v", a, got, err)
		}
		order := int(a.Prefix) - int(b.Prefix)
		if order == 0 {
			order = strings.Compare(a.Name, b.Name)
		}
		if got := bytes.Compare(a.Octets(), b.Octets()); got*order < 0 || (got == 0) != (order == 0) {
			t.Fatalf("%v and %v: %d, want the sign of %d", a, b, got, order)
		}
		from, before := a.Octets(), Behind(a.Octets())
		inside := bytes.Compare(b.Octets(), from) >= 0 && bytes.Compare(b.Octets(), before) < 0
		if want := b.Prefix == a.Prefix && strings.HasPrefix(b.Name, a.Name); inside != want {
			t.Fatalf("%v begins as %v: %v, and lies in its range: %v", b, a, want, inside)
		}
	})
	if _, err := ParseKey(nil); err == nil {
		t.Error("an empty key was read")
	}
}

func TestPageRange(t *testing.T) {
	from, before, size, err := PageRange(5, "ab", "", MaxPage+1)
	if string(from) != "\x05ab" || string(before) != "\x05ac" || size != MaxPage || err != nil {
		t.Errorf("%q, %q, %d, %v", from, before, size, err)
	}
	for cursor, want := range map[string]string{Cursor("abc"): "\x05abc\x00", Cursor("aa"): "\x05ab", Cursor(""): "\x05ab"} {
		if from, _, _, err := PageRange(5, "ab", cursor, 1); string(from) != want || err != nil {
			t.Errorf("behind %q: %q, %v, want %q", cursor, from, err, want)
		}
	}
	for _, bad := range []func() error{
		func() error { _, _, _, err := PageRange(5, "", "", 0); return err },
		func() error { _, _, _, err := PageRange(5, "", "x", 1); return err },
		func() error { _, _, _, err := PageRange(5, strings.Repeat("a", MaxName+1), "", 1); return err },
	} {
		if err := bad(); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
	}
}
