package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/gateway/lmtp"
	"github.com/sluice-mail/sluice/kv/engine"
)

func TestAMetricOfTwoStoresHasOneType(t *testing.T) {
	var b strings.Builder
	type stats struct{ Hits, Misses, CacheOctets, Foreign int64 }
	writeStats(&b, "sluice_kv", labelled{`{store="a"}`, stats{Hits: 1, CacheOctets: 2}}, labelled{`{store="b"}`, stats{Hits: 3}})
	want := `# TYPE sluice_kv_hits_total counter
sluice_kv_hits_total{store="a"} 1
sluice_kv_hits_total{store="b"} 3
# TYPE sluice_kv_misses_total counter
sluice_kv_misses_total{store="a"} 0
sluice_kv_misses_total{store="b"} 0
# TYPE sluice_kv_cache_octets gauge
sluice_kv_cache_octets{store="a"} 2
sluice_kv_cache_octets{store="b"} 0
# TYPE sluice_kv_foreign_total counter
sluice_kv_foreign_total{store="a"} 0
sluice_kv_foreign_total{store="b"} 0
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatGoesDownAgainIsAGauge(t *testing.T) {
	var b strings.Builder
	writeStats(&b, "sluice_lmtp", labelled{stats: lmtp.Stats{}})
	writeStats(&b, "sluice", labelled{stats: gateway.Stats{}})
	writeStats(&b, "sluice_kv", labelled{stats: engine.Metrics{}})
	for _, want := range []string{"# TYPE sluice_kv_breaker_open gauge\n", "# TYPE sluice_kv_breaker_opened_total counter\n", "# TYPE sluice_kv_dirty gauge\n",
		"# TYPE sluice_lmtp_open gauge\n", "# TYPE sluice_waiting gauge\n", "# TYPE sluice_lmtp_turned_total counter\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// deadlines is a response that remembers its time limits.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

func TestAWatcherHasItsTime(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	latest := time.Now().Add(time.Minute)
	new(daemon).handler().ServeHTTP(w, httptest.NewRequest("GET", "/livez", nil))
	if w.Code != 200 || w.read.IsZero() || w.write.IsZero() || w.read.After(latest) || w.write.After(latest) {
		t.Errorf("got %d, reading until %v, writing until %v", w.Code, w.read, w.write)
	}
}
