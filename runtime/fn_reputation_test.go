package runtime

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func (s *session) admin(source string) Value {
	s.t.Helper()
	r := s.as(Admin, "a1", source, RunOptions{})
	if r.Err != nil {
		s.t.Fatal(r.Err)
	}
	return r.Value
}

func (s *session) adminWants(source string, want Value) {
	s.t.Helper()
	if v := s.admin(source); !Equal(v, want) {
		s.t.Errorf("%s is %s, want %s", source, ValueText(v), ValueText(want))
	}
}

func TestReputationFollowsTheFormula(t *testing.T) {
	s := newSession(t)
	senders := `{"ip": "192.0.2.1", "from": "a@example.org", "domain": "example.org", "asn": 64496}`
	for i, step := range []struct{ score, want float64 }{{1, 1}, {2, 1.5}, {3, 2.2525252525252526}, {-5, -1.4949494949494948}} {
		check := s.admin(fmt.Sprintf(`reputation_check(%v, %s)`, step.score, senders)).(map[string]Value)
		if got := check["score"].(float64); math.Abs(got-step.want) > 1e-12 {
			t.Errorf("score %v is drawn to %v, want %v", step.score, got, step.want)
		}
		for _, key := range []string{`"from", "a@example.org"`, `"domain", "example.org"`, `"asn", "64496"`, `"ip", "192.0.2.1"`} {
			m := s.admin(fmt.Sprintf(`reputation_update(%s, %v)`, key, step.score)).(map[string]Value)
			if m["adjusted"] != step.want || m["count"] != int64(i+1) {
				t.Errorf("%s: score %v gives %s", key, step.score, ValueText(m))
			}
		}
	}
}

func TestReputationIsForgottenAfterThirtyDays(t *testing.T) {
	s := newSession(t)
	s.admin(`reputation_update("ip", "192.0.2.1", 1)`)
	s.c.advance(29 * 24 * time.Hour)
	s.admin(`reputation_update("ip", "::ffff:192.0.2.1", 1)`)
	s.c.advance(29 * 24 * time.Hour)
	s.adminWants(`reputation_get("ip", "192.0.2.1").count`, int64(2))
	s.c.advance(24 * time.Hour)
	s.adminWants(`reputation_get("ip", "192.0.2.1").count`, int64(0))
}

func TestUnprovenSendersHaveAReputationOfTheirOwn(t *testing.T) {
	s := newSession(t)
	s.admin(`reputation_update("domain", "example.org", 6, false)`)
	s.adminWants(`reputation_get("domain", "example.org").count`, int64(0))
	s.adminWants(`reputation_get("domain", "_example.org").count`, int64(1))
	s.adminWants(`reputation_get("domain", "EXAMPLE.org.", false).score`, 6.0)
	s.admin(`reputation_update("ip", "192.0.2.1", 2, false)`)
	s.adminWants(`reputation_get("ip", "192.0.2.1").score`, 2.0)
	s.adminWants(`reputation_check(0, {"domain": "example.org", "ip": "192.0.2.1"}, false).score`, 2.0)
	s.adminWants(`reputation_check(0, {"domain": "example.org", "ip": "192.0.2.1"}).score`, 1.0)
}

func TestReputationsOfOneSenderAtTheSameTime(t *testing.T) {
	s := newSession(t)
	p := compileTiny(t, `reputation_update("ip", "192.0.2.1", 2)`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if r := testEngine.Run(t.Context(), p, ExampleTransaction(), RunOptions{Host: s.host, Trust: Admin, Now: s.c.now}); r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
	all.Wait()
	m := s.admin(`reputation_get("ip", "192.0.2.1")`).(map[string]Value)
	want := reputation{}
	for range 400 {
		want = want.with(2)
	}
	if m["count"] != int64(400) || m["score"] != want.mean() {
		t.Errorf("got %s, want %v of 400", ValueText(m), want.mean())
	}
}

func TestReputationStaysAmongTheScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := reputation{}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, score := range rapid.SliceOfN(rapid.Float64Range(-maxScore, maxScore), 1, 200).Draw(t, "scores") {
			r = parseReputation(r.with(score).octets())
			lo, hi = min(lo, score), max(hi, score)
		}
		if m := r.mean(); m < lo-1e-6*maxScore || m > hi+1e-6*maxScore {
			t.Errorf("mean %v of scores from %v to %v", m, lo, hi)
		}
	})
	full := reputation{count: math.MaxUint32, sum: math.MaxUint32 * 2.0}
	if r := full.with(2); r.count != math.MaxUint32 || math.Abs(r.mean()-2) > 1e-6 {
		t.Errorf("a count at its end becomes %v", r)
	}
}

func TestRowsThatAreNoReputations(t *testing.T) {
	for _, b := range []string{"", "short", strings.Repeat("x", 13), "\x00\x00\x00\x01\x7f\xf0\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x01\x7f\xf8\x00\x00\x00\x00\x00\x01"} {
		if r := parseReputation([]byte(b)); r != (reputation{}) {
			t.Errorf("%x is %v", b, r)
		}
	}
}
