package local

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sluice-mail/sluice/mailstore"
)

func TestAnAccountHasSoManyAnnotations(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a, release, err := s.OpenAccount(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	value := "x"
	for i := range maxMetadata {
		if err := a.SetMetadata(t.Context(), "", fmt.Sprintf("/private/e%d", i), &value); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.SetMetadata(t.Context(), "", "/private/more", &value); !errors.Is(err, mailstore.ErrLimit) {
		t.Errorf("one more: %v", err)
	}
	if err := a.SetMetadata(t.Context(), "", "/private/e1", &value); err != nil {
		t.Errorf("one again: %v", err)
	}
}
