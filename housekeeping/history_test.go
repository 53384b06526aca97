package housekeeping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFileHistorySurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.json")
	h, err := FileHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Past{Served: time.Unix(1000, 0).UTC(), Runs: []Run{{Started: time.Unix(999, 0).UTC(), Took: time.Second, Removed: 7}}}
	if err := h.Save(t.Context(), "purge-kv:main", want); err != nil {
		t.Fatal(err)
	}
	again, err := FileHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Load(t.Context(), "purge-kv:main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestFileHistoryRefusals(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"a torn file is named", `{"version":1,"wor`, "jobs.json"},
		{"a newer version is refused", `{"version":99}`, "version 99 is newer than this program's 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jobs.json")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := FileHistory(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}
