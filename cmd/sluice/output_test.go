package main

import (
	"strings"
	"testing"
)

func TestATableHoldsNoControlCharacters(t *testing.T) {
	var b strings.Builder
	if err := printTable(&b, []string{"ID", "LAST ANSWER"}, [][]string{{"1", "550 no\n\x1b]0;x\a\tmore\u009b1m"}}); err != nil {
		t.Fatal(err)
	}
	if want := "ID  LAST ANSWER\n1   550 no  ]0;x  more 1m\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
