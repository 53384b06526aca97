package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

const (
	reputationTTL = 30 * 24 * time.Hour
	maxScore      = 1e6  // of one message
	fading        = 0.98 // what an earlier score counts of a new one
	pull          = 0.5  // how far a score is drawn towards the reputation
)

// reputations are the kinds of senders that have one, in the order in which they are looked
// up, with their key spaces and their parts of the whole in tenths.
var reputations = []struct {
	kind   string
	prefix kv.Prefix
	weight float64
	shown  bool // by the sender itself, so that it is worth less without authentication
}{
	{"ip", kv.ReputationIP, 2, false},
	{"from", kv.ReputationFrom, 5, true},
	{"domain", kv.ReputationDomain, 2, true},
	{"asn", kv.ReputationASN, 1, false},
}

func init() {
	kind := Param{Name: "kind", Kind: String, Doc: "`ip`, `from` (an address), `domain` or `asn`"}
	key := Param{Name: "key", Kind: Any, Doc: "the address or name, without case; an asn also as a number"}
	known := Param{Name: "authenticated", Kind: Bool, Optional: true, Default: true,
		Doc: "false: the sender or domain is not proven, and has another reputation than the one that is; makes no difference for ip and asn"}
	const about = " It fades: a message counts 0.98 of the one after it. It is forgotten 30 days after the last change. All administrators' scripts share it."
	register(Function{
		Name:   "reputation_get",
		Family: "learn",
		Doc:    "Returns what is known of a sender as a map: `score` (mean of the messages' scores; 0.0 if there are none) and `count` (messages)." + about,
		Params: []Param{kind, key, known},
		Result: Map, Effect: Reads, Trust: Admin,
		Examples: []Example{
			{Code: `reputation_get("ip", "192.0.2.1").count`, Want: `0`},
			{Setup: []string{`reputation_update("domain", "Example.ORG", 4.5)`}, Code: `reputation_get("domain", "example.org")`, Want: `{"score": 4.5, "count": 1}`},
			{Setup: []string{`reputation_update("from", "a@example.org", 5)`}, Code: `reputation_get("from", "a@example.org", false).count`, Want: `0`},
			{Setup: []string{`reputation_update("asn", "AS64496", 1)`}, Code: `reputation_get("asn", 64496).count`, Want: `1`},
			{Code: `reputation_get("mx", "x")`, Error: `reputation_get: kind is "mx", not ip, from, domain or asn`},
			{Code: `reputation_get("ip", "example.org")`, Error: `reputation_get: "example.org" is no IP address`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			k, err := reputationKey(a.String(0), a[1], a.Bool(2))
			if err != nil {
				return nil, err
			}
			s, err := e.learntStore()
			if err != nil {
				return nil, err
			}
			row, err := s.Get(e.Context, k)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return nil, err
			}
			return parseReputation(row.Bytes).value(), nil
		},
	})
	register(Function{
		Name:   "reputation_update",
		Family: "learn",
		Doc: "Adds a message with this score to what is known of a sender, and returns a map: `score` and `count` as `reputation_get` has them from now on, and `adjusted`, " +
			"the message's score drawn half way to what was known before (the score itself if that was nothing)." + about,
		Params: []Param{kind, key, {Name: "score", Kind: Float, Doc: "of the message, -1,000,000 to 1,000,000; more is worse"}, known},
		Result: Map, Effect: Writes, Trust: Admin,
		Examples: []Example{
			{Code: `reputation_update("ip", "192.0.2.1", 1.5)`, Want: `{"score": 1.5, "count": 1, "adjusted": 1.5}`},
			{Setup: []string{`reputation_update("ip", "192.0.2.1", 1)`}, Code: `reputation_update("ip", "192.0.2.1", 2).adjusted`, Want: `1.5`},
			{Setup: []string{`reputation_update("ip", "2001:db8::1", 1)`, `reputation_update("ip", "2001:DB8:0::1", 2)`},
				Code: `reputation_update("ip", "2001:db8::1", 3).adjusted`, Want: `2.2525252525252526`},
			{Setup: []string{`reputation_update("ip", "192.0.2.1", 1)`, `reputation_update("ip", "192.0.2.1", 2)`, `reputation_update("ip", "192.0.2.1", 3)`},
				Code: `reputation_update("ip", "192.0.2.1", -5).adjusted`, Want: `-1.4949494949494948`},
			{Code: `reputation_update("from", "", 1)`, Error: `reputation_update: key is empty`},
			{Code: `reputation_update("asn", "x", 1)`, Error: `reputation_update: "x" is no number of an autonomous system`},
			{Code: `reputation_update("ip", "192.0.2.1", 10000000)`, Error: `reputation_update: score of 1e+07 is out of range`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			k, err := reputationKey(a.String(0), a[1], a.Bool(3))
			if err != nil {
				return nil, err
			}
			score, err := messageScore(a[2])
			if err != nil {
				return nil, err
			}
			s, err := e.learntStore()
			if err != nil {
				return nil, err
			}
			var before, after reputation
			err = e.swap(s, k, func(old []byte) (kv.Change, error) {
				before = parseReputation(old)
				after = before.with(score)
				return kv.Change{Value: kv.Value{Bytes: after.octets(), Expires: e.Clock().Add(reputationTTL)}}, nil
			})
			if err != nil {
				return nil, err
			}
			out := after.value()
			out["adjusted"] = score
			if before.count > 0 {
				out["adjusted"] = drawn(score, before.mean())
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "reputation_check",
		Family: "learn",
		Doc: "Draws a message's score half way to what is known of its senders together, and returns a map: `score` (drawn; as it was if nothing is known), `reputation` " +
			"(of those that are known: from counts 0.5, ip and domain 0.2, asn 0.1, made to sum up to 1; null if there are none) and `known` (how many). It learns nothing; `reputation_update` does.",
		Params: []Param{{Name: "score", Kind: Float, Doc: "of the message"},
			{Name: "senders", Kind: Map, Doc: "any of `ip`, `from`, `domain` and `asn`; null or `\"\"` for one that is not known"},
			known},
		Result: Map, Effect: Reads, Trust: Admin,
		Examples: []Example{
			{Code: `reputation_check(2.5, {"ip": "192.0.2.1"})`, Want: `{"score": 2.5, "reputation": null, "known": 0}`},
			{Setup: []string{`reputation_update("ip", "192.0.2.1", 1.5)`}, Code: `reputation_check(2, {"ip": "192.0.2.1", "asn": 64496})`,
				Want: `{"score": 1.75, "reputation": 1.5, "known": 1}`},
			{Setup: []string{`reputation_update("ip", "192.0.2.1", 2)`, `reputation_update("domain", "example.org", 5)`},
				Code: `reputation_check(0, {"ip": "192.0.2.1", "domain": "example.org"}).score`, Want: `1.75`},
			{Setup: []string{`reputation_update("domain", "example.org", -4)`}, Code: `reputation_check(2, {"domain": "example.org"}, false).known`, Want: `0`},
			{Code: `reputation_check(1, {"helo": "x"})`, Error: `reputation_check: kind is "helo", not ip, from, domain or asn`},
		},
		Call: reputationCheck,
	})
}

func reputationCheck(e *Env, a Args) (Value, error) {
	score, err := messageScore(a[0])
	if err != nil {
		return nil, err
	}
	var ks []kv.Key
	var weights []float64
	senders := a.Map(1)
	for _, kind := range slices.Sorted(maps.Keys(senders)) {
		if v := senders[kind]; v == nil || v == "" {
			continue
		}
		k, err := reputationKey(kind, senders[kind], a.Bool(2))
		if err != nil {
			return nil, err
		}
		ks = append(ks, k)
		weights = append(weights, reputations[reputationOf(kind)].weight)
	}
	var sum, weight float64
	known := int64(0)
	if len(ks) > 0 {
		s, err := e.learntStore()
		if err != nil {
			return nil, err
		}
		rows, err := s.GetMany(e.Context, ks)
		if err != nil {
			return nil, err
		}
		for i, row := range rows {
			if r := parseReputation(row.Bytes); r.count > 0 {
				sum, weight, known = sum+weights[i]*r.mean(), weight+weights[i], known+1
			}
		}
	}
	out := map[string]Value{"score": score, "reputation": nil, "known": known}
	if known > 0 {
		out["score"], out["reputation"] = drawn(score, sum/weight), sum/weight
	}
	return out, nil
}

func messageScore(v Value) (float64, error) {
	score, _ := v.(float64)
	if !(math.Abs(score) <= maxScore) { // NaN, too
		return 0, fmt.Errorf("score of %v is out of range", score)
	}
	return score, nil
}

func drawn(score, reputation float64) float64 { return score + pull*(reputation-score) }

// reputation is the row of a sender, in 12 octets: a 32-bit count and a 64-bit sum, both big
// endian.
type reputation struct {
	count uint32
	sum   float64
}

func parseReputation(b []byte) (r reputation) {
	if len(b) == 12 {
		r.count, r.sum = binary.BigEndian.Uint32(b), math.Float64frombits(binary.BigEndian.Uint64(b[4:]))
	}
	if math.IsNaN(r.sum) || math.IsInf(r.sum, 0) {
		return reputation{} // nothing of ours
	}
	return r
}

func (r reputation) octets() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 12), r.count)
	return binary.BigEndian.AppendUint64(b, math.Float64bits(r.sum))
}

func (r reputation) mean() float64 {
	if r.count == 0 {
		return 0
	}
	return r.sum / float64(r.count)
}

func (r reputation) value() map[string]Value {
	return map[string]Value{"score": r.mean(), "count": int64(r.count)}
}

// with returns r after a message with this score.
func (r reputation) with(score float64) reputation {
	n := float64(r.count)
	sum := (n + 1) * (score + fading*r.sum) / (fading*n + 1)
	if r.count == math.MaxUint32 {
		return reputation{r.count, sum * n / (n + 1)}
	}
	return reputation{r.count + 1, sum}
}

// reputationOf returns the index of a kind, -1 if there is no such kind.
func reputationOf(kind string) int {
	for i, r := range reputations {
		if r.kind == kind {
			return i
		}
	}
	return -1
}

// reputationKey returns the row of a sender. The key is brought into one form.
func reputationKey(kind string, key Value, authenticated bool) (kv.Key, error) {
	i := reputationOf(kind)
	if i < 0 {
		return kv.Key{}, fmt.Errorf("kind is %q, not ip, from, domain or asn", cut(kind, 40))
	}
	if kind == "asn" {
		if n, err := convert(key, Int); err == nil {
			key = strconv.FormatInt(n.(int64), 10)
		}
	}
	name, ok := key.(string)
	if !ok {
		k, _ := KindOf(key)
		return kv.Key{}, fmt.Errorf("key: expected string, got %s", k)
	}
	if name = strings.TrimSpace(name); name == "" {
		return kv.Key{}, errors.New("key is empty")
	}
	switch kind {
	case "ip":
		ip, err := netip.ParseAddr(name)
		if err != nil {
			return kv.Key{}, fmt.Errorf("%q is no IP address", cut(name, 60))
		}
		name = ip.WithZone("").Unmap().String()
	case "asn":
		digits := name
		if len(digits) > 2 && strings.EqualFold(digits[:2], "AS") {
			digits = digits[2:]
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return kv.Key{}, fmt.Errorf("%q is no number of an autonomous system", cut(name, 60))
		}
		name = strconv.FormatUint(n, 10)
	default:
		name = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	if reputations[i].shown && !authenticated {
		name = "_" + name
	}
	return kv.Key{Prefix: reputations[i].prefix, Name: boundedName(name)}, nil
}
