package housekeeping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxRuns bounds the runs that a work's history keeps, and maxErrorText the octets of an
// error in it.
const (
	maxRuns      = 50
	maxErrorText = 500
)

// Run is what one run of a work did.
type Run struct {
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took"` // nanoseconds
	Removed int64         `json:"removed"`
	Error   string        `json:"error,omitempty"`
	Due     time.Time     `json:"due,omitzero"`      // zero: it was run by hand
	Dry     bool          `json:"dry_run,omitempty"` // Removed is what would have been; not kept
}

// Past is what is known of a work.
type Past struct {
	// Served is the last due time that was served, or when the work was first seen.
	Served time.Time `json:"served"`
	Runs   []Run     `json:"runs,omitempty"` // oldest first, at most 50
}

// add appends a run and forgets the oldest ones over the bound.
func (p *Past) add(r Run) {
	if len(r.Error) > maxErrorText {
		r.Error = r.Error[:maxErrorText] + "..."
	}
	p.Runs = append(p.Runs, r)
	if over := len(p.Runs) - maxRuns; over > 0 {
		p.Runs = append([]Run(nil), p.Runs[over:]...)
	}
}

// History keeps the past of each work over restarts. Nodes that share the work share it.
type History interface {
	// Load returns the past of a work; the zero Past if there is none.
	Load(ctx context.Context, name string) (Past, error)
	// Save replaces it.
	Save(ctx context.Context, name string, p Past) error
}

// FileHistory returns a history in one JSON file that is replaced as a whole, for a server
// that works alone. The file need not exist. A file that cannot be read as history is an
// error that names it.
func FileHistory(path string) (History, error) {
	h := &fileHistory{path: path, past: map[string]Past{}}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil
	case err != nil:
		return nil, fmt.Errorf("housekeeping: history: %w", err)
	}
	var f historyFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("housekeeping: history: %s: %w", path, err)
	}
	if f.Version > historyVersion {
		return nil, fmt.Errorf("housekeeping: history: %s: version %d is newer than this program's %d", path, f.Version, historyVersion)
	}
	if f.Works != nil {
		h.past = f.Works
	}
	return h, nil
}

const historyVersion = 1

type historyFile struct {
	Version int             `json:"version"`
	Works   map[string]Past `json:"works"`
}

type fileHistory struct {
	path string
	mu   sync.Mutex
	past map[string]Past
}

func (h *fileHistory) Load(_ context.Context, name string) (Past, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.past[name]
	p.Runs = append([]Run(nil), p.Runs...)
	return p, nil
}

func (h *fileHistory) Save(_ context.Context, name string, p Past) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.Runs = append([]Run(nil), p.Runs...)
	h.past[name] = p
	data, err := json.MarshalIndent(historyFile{historyVersion, h.past}, "", "\t")
	if err == nil {
		err = replace(h.path, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("housekeeping: history: %w", err)
	}
	return nil
}

// replace writes a file so that a crash leaves the old or the new content.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// memoryHistory is the history of a Scheduler that was given none.
type memoryHistory struct {
	mu   sync.Mutex
	past map[string]Past
}

func (h *memoryHistory) Load(_ context.Context, name string) (Past, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.past[name]
	p.Runs = append([]Run(nil), p.Runs...)
	return p, nil
}

func (h *memoryHistory) Save(_ context.Context, name string, p Past) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.Runs = append([]Run(nil), p.Runs...)
	h.past[name] = p
	return nil
}
