package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	goruntime "runtime"
	"slices"
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
	return timed(mux)
}

// watchTime is how long a watcher may take for its request's body, which it need not have, and for
// the answer.
const watchTime = 20 * time.Second

// timed gives each request its time, so that nobody holds a connection by sending or taking nothing.
func timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, until := http.NewResponseController(w), time.Now().Add(watchTime)
		if err := errors.Join(c.SetReadDeadline(until), c.SetWriteDeadline(until)); err != nil {
			http.Error(w, "no time limit can be set", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (d *daemon) readiness(ctx context.Context) error {
	if !d.ready.Load() {
		return fmt.Errorf("starting or stopping")
	}
	if err := d.node.journal.Err(); err != nil {
		return fmt.Errorf("the journal takes no mail until the server is restarted")
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
	"Segments": true, "Octets": true, "CacheOctets": true, "BreakerOpen": true, "Dirty": true, "Entries": true, "Busy": true,
}

func (d *daemon) writeMetrics(w io.Writer) {
	n := d.node
	fmt.Fprintf(w, "# TYPE sluice_info gauge\nsluice_info{version=%q,go=%q} 1\n", version, goruntime.Version())
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	fmt.Fprintf(w, "# TYPE sluice_heap_bytes gauge\nsluice_heap_bytes %d\n# TYPE sluice_goroutines gauge\nsluice_goroutines %d\n", m.HeapAlloc, goruntime.NumGoroutine())
	writeStats(w, "sluice_imap", labelled{stats: d.imap.Stats()})
	writeStats(w, "sluice_lmtp", labelled{stats: d.lmtp.Stats()})
	writeStats(w, "sluice", labelled{stats: n.intake.Stats()})
	writeStats(w, "sluice_account", labelled{stats: n.accounts.Stats()})
	writeStats(w, "sluice_mailstore", labelled{stats: n.mail.Stats()})
	writeStats(w, "sluice_outbox", labelled{stats: n.outbox.Stats()})
	writeStats(w, "sluice_journal", labelled{stats: n.journal.Stats()})
	writeStats(w, "sluice_dns", labelled{stats: n.network.dns.Stats()})
	if n.network.http != nil {
		writeStats(w, "sluice_http_client", labelled{stats: n.network.http.Stats()})
	}
	writeStats(w, "sluice_procs", labelled{stats: n.children.Stats()})
	writeScriptCounts(w, &n.counted)
	var stores []labelled
	for _, id := range slices.Sorted(maps.Keys(n.stores)) {
		if e, ok := n.stores[id].(interface{ Metrics() engine.Metrics }); ok {
			stores = append(stores, labelled{fmt.Sprintf("{store=%q}", id), e.Metrics()})
		}
	}
	writeStats(w, "sluice_kv", stores...)
}

// labelled is a room's Stats with the labels of its metrics, braces included.
type labelled struct {
	labels string
	stats  any
}

// writeStats writes the integer fields of a room's Stats as metrics named by room and field. All
// samples of a metric stand together behind its one TYPE line; else the text is refused as a whole.
//
// Spec: Prometheus, exposition formats, "Grouping and sorting".
func writeStats(w io.Writer, room string, all ...labelled) {
	if len(all) == 0 {
		return
	}
	t := reflect.TypeOf(all[0].stats)
	for i := range t.NumField() {
		name := t.Field(i).Name
		metric, kind := room+"_"+snake(name), "gauge"
		if !gauges[name] {
			metric, kind = metric+"_total", "counter"
		}
		var samples strings.Builder
		for _, l := range all {
			switch f := reflect.ValueOf(l.stats).Field(i); {
			case f.CanInt():
				fmt.Fprintf(&samples, "%s%s %d\n", metric, l.labels, f.Int())
			case f.CanUint():
				fmt.Fprintf(&samples, "%s%s %d\n", metric, l.labels, f.Uint())
			}
		}
		if samples.Len() > 0 {
			fmt.Fprintf(w, "# TYPE %s %s\n%s", metric, kind, &samples)
		}
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
