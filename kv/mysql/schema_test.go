package mysql

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-mail/sluice/kv"
)

func TestStoresThatStartTogetherMakeTheTablesOnce(t *testing.T) {
	ns := namespace()
	var wg sync.WaitGroup
	for range 8 {
		s := try(t, Options{Namespace: ns, Pool: 2})
		wg.Go(func() {
			if _, err := s.Incr(t.Context(), value("a"), 1, 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := try(t, Options{Namespace: ns})
	if n, err := s.Counter(t.Context(), value("a")); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestTablesOfANewerProgramAreRefused(t *testing.T) {
	old := try(t, Options{})
	if err := old.Set(t.Context(), value("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := old.db.ExecContext(t.Context(), old.tables.in("UPDATE {meta} SET val = 2 WHERE name = 'version'")); err != nil {
		t.Fatal(err)
	}
	s := try(t, Options{Namespace: strings.TrimSuffix(strings.Trim(old.tables.rows, "`"), "_rows")})
	if err := s.Set(t.Context(), value("a"), nil, 0); !errors.Is(err, kv.ErrUnsupported) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("got %v", err)
	}
	if v, err := old.Get(t.Context(), value("a")); err != nil || string(v.Bytes) != "1" {
		t.Errorf("%q, %v", v.Bytes, err)
	}
}

func TestTablesThatAreHalfMadeAreFinished(t *testing.T) {
	for _, name := range []string{"meta alone", "all but the version", "dropped while the store is open"} {
		t.Run(name, func(t *testing.T) {
			s := try(t, Options{})
			ctx := t.Context()
			var half []string
			switch name {
			case "meta alone":
				half = []string{createMeta}
			case "all but the version":
				half = append([]string{createMeta}, steps[0]...)
			default:
				if err := s.Set(ctx, value("a"), nil, 0); err != nil {
					t.Fatal(err)
				}
				half = []string{"DROP TABLE {rows}, {meta}"}
			}
			for _, q := range half {
				if _, err := s.db.ExecContext(ctx, s.tables.in(q)); err != nil {
					t.Fatal(err)
				}
			}
			until(t, func() error { return s.Set(ctx, value("a"), []byte("1"), 0) })
			if _, err := s.Lock(ctx, value("a"), 0, true); err != nil {
				t.Error(err)
			}
		})
	}
}
