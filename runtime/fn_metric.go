package runtime

import (
	"fmt"
	"maps"
	"math"
	"sync"
)

// Limits of the metrics of scripts.
const (
	maxMetrics    = 500 // names
	maxMetricName = 64  // octets
	maxMetricStep = 1 << 32
)

// ErrMetrics says that a server has as many metrics of scripts as it takes.
var ErrMetrics = fmt.Errorf("there are %d metrics already", maxMetrics)

func init() {
	register(Function{
		Name:   "metric_count",
		Family: "metric",
		Doc: "Counts a metric of the server up: /metrics shows it as `sluice_script_count{name=\"...\"}`, from 0 on with each start of the server. A server takes 500 names; a further one is an error. " +
			"A dry run and a replay count nothing. (`count` is the number of elements of a list.)",
		Params: []Param{
			{Name: "name", Kind: String, Doc: "a small letter, and then small letters, digits, `.` and `_`; at most 64 octets"},
			{Name: "by", Kind: Int, Optional: true, Default: int64(1), Doc: "how much, from 0 to 2^32"},
		},
		Result: Bool, Effect: Writes, Trust: Admin,
		Examples: []Example{
			{Code: `metric_count("spam.high")`, Want: `true`}, {Code: `metric_count("octets_in", 2048)`, Want: `true`}, {Code: `metric_count("clients")`, Want: `true`, Stage: StageConnect},
			{Code: `metric_count("Spam")`, Error: `metric_count: argument 1 (name): "Spam" is no name of a metric; expected a small letter, then small letters, digits, . and _`},
			{Code: `metric_count("a", -1)`, Error: `metric_count: argument 2 (by): -1 is out of range; 0 to 4294967296 is possible`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			if !validMetric(a.String(0)) {
				return nil, fmt.Errorf("argument 1 (name): %q is no name of a metric; expected a small letter, then small letters, digits, . and _", cut(a.String(0), 80))
			}
			by := a.Int(1)
			if by < 0 || by > maxMetricStep {
				return nil, fmt.Errorf("argument 2 (by): %d is out of range; 0 to %d is possible", by, int64(maxMetricStep))
			}
			if e.live.Metrics == nil { // a dry run
				return true, nil
			}
			return true, e.live.Metrics.Count(a.String(0), by)
		},
	})
}

func validMetric(s string) bool {
	if s == "" || len(s) > maxMetricName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// Metrics are the counters that scripts name. The zero value has none; many goroutines may use it.
type Metrics struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Count adds to a counter, which stays at the largest number that there is. ErrMetrics says that
// there are too many.
func (m *Metrics) Count(name string, by int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, ok := m.counts[name]
	switch {
	case ok:
	case len(m.counts) >= maxMetrics:
		return ErrMetrics
	case m.counts == nil:
		m.counts = map[string]int64{}
	}
	if by > math.MaxInt64-have {
		by = math.MaxInt64 - have
	}
	m.counts[name] = have + by
	return nil
}

// All returns a copy of the counters.
func (m *Metrics) All() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}
