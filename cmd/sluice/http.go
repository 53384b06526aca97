package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
)

// handler serves what watches the server: /livez (the process answers), /readyz (mail and IMAP are served and the
// default store answers) and /metrics (Prometheus' text format).
func (d *daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := d.readiness(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		d.writeMetrics(w)
	})
	return mux
}

func (d *daemon) readiness(ctx context.Context) error {
	if !d.ready.Load() {
		return fmt.Errorf("starting or stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := d.node.store("")
	if err != nil {
		return err
	}
	if _, err := s.Counter(ctx, kv.Key{Prefix: kv.TokenRevision, Name: "readyz"}); err != nil {
		return fmt.Errorf("the default store does not answer")
	}
	return nil
}

// gauges are the fields of rooms' Stats that go up and down; all others are counters.
var gauges = map[string]bool{
	"Sessions": true, "Open": true, "Waiting": true, "FilesOpen": true, "Pending": true, "Unconfirmed": true,
	"Segments": true, "Octets": true, "CacheOctets": true,
}

func (d *daemon) writeMetrics(w io.Writer) {
	n := d.node
	fmt.Fprintf(w, "# TYPE sluice_info gauge\nsluice_info{version=%q,go=%q} 1\n", version, goruntime.Version())
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	fmt.Fprintf(w, "# TYPE sluice_heap_bytes gauge\nsluice_heap_bytes %d\n# TYPE sluice_goroutines gauge\nsluice_goroutines %d\n", m.HeapAlloc, goruntime.NumGoroutine())
	writeStats(w, "sluice_imap", "", d.imap.Stats())
	writeStats(w, "sluice_lmtp", "", d.lmtp.Stats())
	writeStats(w, "sluice", "", n.intake.Stats())
	writeStats(w, "sluice_account", "", n.accounts.Stats())
	writeStats(w, "sluice_mailstore", "", n.mail.Stats())
	writeStats(w, "sluice_outbox", "", n.outbox.Stats())
	writeStats(w, "sluice_journal", "", n.journal.Stats())
	for id, s := range n.stores {
		if e, ok := s.(interface{ Metrics() engine.Metrics }); ok {
			writeStats(w, "sluice_kv", fmt.Sprintf("{store=%q}", id), e.Metrics())
		}
	}
}

// writeStats writes the integer fields of a room's Stats as metrics named by room and field.
func writeStats(w io.Writer, room, labels string, stats any) {
	v := reflect.ValueOf(stats)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		var value int64
		switch f := v.Field(i); {
		case f.CanInt():
			value = f.Int()
		case f.CanUint():
			value = int64(f.Uint())
		default:
			continue
		}
		metric, kind := room+"_"+snake(name), "gauge"
		if !gauges[name] {
			metric, kind = metric+"_total", "counter"
		}
		fmt.Fprintf(w, "# TYPE %s %s\n%s%s %d\n", metric, kind, metric, labels, value)
	}
}

// snake is a Go name as metrics spell it: ScriptRuns is script_runs.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
