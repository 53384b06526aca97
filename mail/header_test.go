package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaderEndsWhereItShould(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		fields    []string // "name: value"
		body      string
	}{
		{"an empty line ends it", "A: 1\r\nB: 2\r\n\r\nC: 3\r\n", []string{"A: 1", "B: 2"}, "C: 3\r\n"},
		{"bare LFs are line ends", "A: 1\nB: 2\n\nbody", []string{"A: 1", "B: 2"}, "body"},
		{"a header may have no body", "A: 1\r\nB: 2\r\n", []string{"A: 1", "B: 2"}, ""},
		{"a header may lack its last line end", "A: 1\r\nB: 2", []string{"A: 1", "B: 2"}, ""},
		{"a body may have no header", "hello you\r\nA: 1\r\n\r\nmore", nil, "hello you\r\nA: 1\r\n\r\nmore"},
		{"an empty line in front of everything means no header", "\r\nA: 1\r\n", nil, "A: 1\r\n"},
		{"nothing is nothing", "", nil, ""},
		{"a blank line in front means no header", " \r\nA: 1\r\n", nil, " \r\nA: 1\r\n"},
		{"a From_ line in front is no field", "From a@b Thu Aug 22 12:36:23 2002\nA: 1\n\nbody", []string{"A: 1"}, "body"},
		{"a From_ line is never folded", ">From a@b\n more\nA: 1\n\nbody", nil, ">From a@b\n more\nA: 1\n\nbody"},
		{"a quoted From_ line between fields is skipped", "A: 1\n>From a@b Thu\nB: 2\n\nbody", []string{"A: 1", "B: 2"}, "body"},
		{"text that begins with From is text", "From here on\r\nno header\r\n", nil, "From here on\r\nno header\r\n"},
		{"a From field with a blank is a field", "From : a@b\r\n\r\nx", []string{"From: a@b"}, "x"},
		{"a line that is no field starts the body", "A: 1\r\nhello you\r\nB: 2\r\n\r\nx", []string{"A: 1"}, "hello you\r\nB: 2\r\n\r\nx"},
		{"an 8-bit name is no field", "A: 1\r\nB\xe9: 2\r\n", []string{"A: 1"}, "B\xe9: 2\r\n"},
		{"a NUL in a name is no field", "A: 1\r\nB\x00: 2\r\n", []string{"A: 1"}, "B\x00: 2\r\n"},
		{"an empty name is no field", "A: 1\r\n: 2\r\n", []string{"A: 1"}, ": 2\r\n"},
		{"lines fold at blanks and tabs, which stay", "A: 1\r\n  2\r\n\t3 \r\nB: 4\r\n\r\n", []string{"A: 1  2\t3", "B: 4"}, ""},
		{"a field may be folded to blank lines", "A:\r\n \r\n\t\r\n x\r\n\r\nbody", []string{"A: x"}, "body"},
		{"a bare CR is an octet", "A: 1\r2\r\n\rB: 2\r\n\r\nbody", []string{"A: 1\r2"}, "\rB: 2\r\n\r\nbody"},
		{"CR CR LF is a line end", "A: 1\r\r\nB: 2\r\r\n 3\r\r\n\r\r\nbody", []string{"A: 1", "B: 2 3"}, "body"},
		{"raw octets stay in the value", "A: \xe9\x00\xff\r\n\r\n", []string{"A: \xe9\x00\xff"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New([]byte(tt.raw))
			var got []string
			for _, f := range m.Header().Fields() {
				got = append(got, f.Name+": "+f.Value())
			}
			if d := cmp.Diff(tt.fields, got); d != "" {
				t.Error(d)
			}
			if string(m.Body()) != tt.body {
				t.Errorf("body %q, want %q", m.Body(), tt.body)
			}
			exercise(t, []byte(tt.raw))
		})
	}
}

func TestFieldsKeepTheirOctets(t *testing.T) {
	const raw = "Subject : one\r\n two\r\nX-A:\r\nsubject:three\n\r\nbody"
	fields := New([]byte(raw)).Header().Fields()
	want := []Field{
		{"Subject", []byte("Subject : one\r\n two\r\n")},
		{"X-A", []byte("X-A:\r\n")},
		{"subject", []byte("subject:three\n")},
	}
	if d := cmp.Diff(want, fields); d != "" {
		t.Error(d)
	}
}

func TestFieldsAreFoundByName(t *testing.T) {
	h := New([]byte("Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Empty:\r\nSUBJECT: \xe9\r\n\r\n")).Header()
	if d := cmp.Diff([]string{"=?utf-8?q?caf=C3=A9?=", "\xe9"}, h.Values("subject")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"café", "é"}, h.Texts("Subject")); d != "" {
		t.Error(d)
	}
	if !h.Has("x-empty") || h.Has("X-Absent") || h.Values("X-Absent") != nil {
		t.Error("an empty field is there, an absent one is not")
	}
	if d := cmp.Diff([]string{""}, h.Values("X-Empty")); d != "" {
		t.Error(d)
	}
}

func TestFieldsBeyondTheLimitStayOctets(t *testing.T) {
	raw := strings.Repeat("X: y\r\n", MaxFields+5) + "\r\nbody"
	m := New([]byte(raw))
	if n := len(m.Header().Fields()); n != MaxFields {
		t.Errorf("%d fields, want %d", n, MaxFields)
	}
	if string(m.Body()) != "body" {
		t.Errorf("body %.20q", m.Body())
	}
	part := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + strings.Repeat("X: y\r\n", MaxPartFields+5) + "Content-Type: text/html\r\n\r\nbody"
	p := New([]byte(part)).Root().Parts[0]
	if n := len(p.Header().Fields()); n != MaxPartFields || p.Subtype != "html" || string(p.Body()) != "body" {
		t.Errorf("%d fields, %s, body %.20q", n, p.Subtype, p.Body())
	}
}

func TestReturnPathIsOneLineInFront(t *testing.T) {
	for _, tt := range []struct{ name, from, want string }{
		{"of a sender", "a@example.org", "Return-Path: <a@example.org>\r\nSubject: x\r\n\r\nbody"},
		{"of the null sender", "", "Return-Path: <>\r\nSubject: x\r\n\r\nbody"},
		{"which nobody can break", "a\r\nX: y\x00@b\x7f", "Return-Path: <aX: y@b>\r\nSubject: x\r\n\r\nbody"},
		{"in UTF-8", "ü@example.org", "Return-Path: <ü@example.org>\r\nSubject: x\r\n\r\nbody"},
	} {
		if got := string(PrependReturnPath([]byte("Subject: x\r\n\r\nbody"), tt.from)); got != tt.want {
			t.Errorf("%s: got %q", tt.name, got)
		}
	}
}
