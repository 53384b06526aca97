package kvtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"pgregory.net/rapid"
)

// A random call is drawn whole before it is made, so that rapid can make it smaller.

// shapes are names of every kind: what ranges, patterns, quoting, protocols and encodings of
// backends get wrong. The long ones differ in the last octet.
var shapes = append([]string{
	"'", `"`, "`", "''", "a'; DROP TABLE kv; --", "/* a", "a */", "--", ";", "\\", `\0`, `\%`, "a\\", "a%b", "a_b", "%%", "[", "]", "^a", "a*b",
	" ", "  ", "a ", " a", "\n", "\r\n", "a\r\nb", "\t", "{", "}", "{a}", "{}", "{tag}", "{tag}a", "a{", ":", "::", "a:b", "sluice:a", "/", "a/b", "..", "$1", "?1", ":k", "@k",
	kv.RateName("a", slow), kv.RateName("a", burst5), "a\x00100/1h", "a\x00\x00100/1h", "100/1h", kv.Cursor("a"), "A", "a", "Aa", "é", "e\u0301", "\u2028", "\xc3\x28", "\xed\xa0\x80", "\xf0\x9f\x92\xa9",
	strings.Repeat("k", kv.MaxName), strings.Repeat("k", kv.MaxName-1) + "l", strings.Repeat("\xff", kv.MaxName), strings.Repeat("k", 250), strings.Repeat("k", 251),
}, odd...)

// contents are values of every kind, counters among them.
var contents = []string{
	"", "\x00", "a", "0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "+1", " 1", "1 ", "1.5", "1e3", "NULL", "'", "\\", "\xff\xfe", "\r\n",
	strings.Repeat("x", 1023), strings.Repeat("x", 1024), strings.Repeat("\x00", 1025), strings.Repeat("'", 5000),
}

// The rules: all of them can share a name.
var (
	slow   = kv.Rule{Limit: 5, Per: 4 * time.Second}
	burst5 = kv.Rule{Limit: 7, Per: 3 * time.Second, Burst: 5}
	rules  = []kv.Rule{slow, burst5, {Limit: kv.MaxUnits, Per: kv.MaxPer}, {Limit: 1_000_003, Per: 7 * time.Hour, Burst: 1_000_000_007}, {Limit: kv.MaxUnits, Per: 700 * time.Millisecond, Burst: kv.MaxUnits}}
	places = []kv.Prefix{kv.Script, kv.ScriptCounter, kv.Greylist, kv.RateLimitAuth, 255}
)

// randomAct is what a random call does.
type randomAct uint8

const (
	doNothing randomAct = iota // what rapid makes of calls that do not matter
	doGet
	doGetMany
	doSet
	doFenced
	doAdd
	doSwap
	doDelete
	doDeletePrefix
	doList
	doIncr
	doIncrMany
	doCounter
	doRate
	doLock
	doRenew
	doUnlock
	doOwned
	doAdvance
	doPurge
	doStats
	randomActs
)

var randomNames = [randomActs]string{
	"nothing", "Get", "GetMany", "Set", "SetFenced", "Add", "CompareAndSwap", "Delete", "DeletePrefix", "List", "Incr", "IncrMany", "Counter", "Rate", "Lock", "Renew", "Unlock", "SetOwned", "advance", "Purge", "Stats",
}

// randomNeeds says which features an act needs.
var randomNeeds = [randomActs]Feature{
	doFenced: Locks, doLock: Locks, doRenew: Locks, doUnlock: Locks, doOwned: Locks, doDeletePrefix: Lists, doList: Lists, doStats: Lists,
}

// weighted has the acts as often as they are wanted.
var weighted = func() (acts []randomAct) {
	for act, n := range map[randomAct]int{
		doGet: 8, doGetMany: 4, doSet: 10, doFenced: 4, doAdd: 5, doSwap: 6, doDelete: 5, doDeletePrefix: 2, doList: 3, doIncr: 8, doIncrMany: 5, doCounter: 2,
		doRate: 10, doLock: 6, doRenew: 3, doUnlock: 3, doOwned: 3, doAdvance: 6, doPurge: 4, doStats: 2,
	} {
		for range n {
			acts = append(acts, act)
		}
	}
	slices.Sort(acts)
	return append([]randomAct{doNothing}, acts...)
}()

// randomCall is a call with everything that any act might need.
type randomCall struct {
	act     randomAct
	keys    []kv.Key // one, or those of a batch
	v       string
	old     int // for CompareAndSwap: 0 is what is there, 1 something else, 2 absence
	ttl     time.Duration
	by      int64
	rule    kv.Rule
	peek    bool
	durable bool
	lease   int // which of those given out, counted back
	page    int
}

func (c randomCall) key() kv.Key { return c.keys[0] }

// GoString is what rapid prints.
func (c randomCall) GoString() string {
	s := randomNames[c.act]
	for _, k := range c.keys {
		s += fmt.Sprintf(" %s %.40q", k.Prefix, k.Name)
	}
	switch c.act {
	case doNothing, doPurge, doStats, doGet, doGetMany, doDelete, doDeletePrefix, doCounter:
	case doAdvance:
		s = fmt.Sprintf("advance %v", c.ttl)
	default:
		s += fmt.Sprintf(" v %.30q old %d ttl %v by %d rule %v peek %v durable %v lease %d page %d", c.v, c.old, c.ttl, c.by, c.rule, c.peek, c.durable, c.lease, c.page)
	}
	return s
}

var (
	drawName = rapid.OneOf(rapid.SampledFrom(shapes), rapid.SampledFrom(shapes), rapid.SampledFrom(odd),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "name")) }))
	drawKey = rapid.Custom(func(t *rapid.T) kv.Key {
		return kv.Key{Prefix: rapid.SampledFrom(places).Draw(t, "prefix"), Name: drawName.Draw(t, "name")}
	})
	drawCall = rapid.Custom(drawRandomCall)
)

func drawRandomCall(t *rapid.T) randomCall {
	c := randomCall{act: rapid.SampledFrom(weighted).Draw(t, "act")}
	millis := func(most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, "ms")) * time.Millisecond
	}
	switch c.act {
	case doNothing, doPurge, doStats:
		return c
	case doAdvance:
		c.ttl = millis(1500)
		return c
	case doIncrMany:
		c.keys = rapid.SliceOfN(drawKey, 0, 6).Draw(t, "keys")
		c.by = rapid.SampledFrom([]int64{1, 3, -1, 0, -7, 1 << 62, 1<<63 - 1, -1 << 63}).Draw(t, "by")
		c.ttl = time.Duration(rapid.IntRange(0, 2).Draw(t, "ttl")) * time.Second
		return c
	case doGetMany:
		c.keys = rapid.SliceOfN(drawKey, 0, 6).Draw(t, "keys")
		return c
	}
	c.keys = []kv.Key{drawKey.Draw(t, "key")}
	switch c.act {
	case doSet, doAdd, doSwap, doFenced, doOwned:
		c.v = rapid.SampledFrom(contents).Draw(t, "value")
		c.ttl = time.Duration(rapid.IntRange(0, 2).Draw(t, "ttl")) * time.Second
		c.by = rapid.Int64Range(0, 4).Draw(t, "fence")
		c.old = rapid.IntRange(0, 2).Draw(t, "old")
		c.lease = rapid.IntRange(0, 3).Draw(t, "lease")
	case doIncr:
		c.by = rapid.SampledFrom([]int64{1, 3, -1, 0, -7, 1 << 62, 1<<63 - 1, -1 << 63}).Draw(t, "by")
		c.ttl = time.Duration(rapid.IntRange(0, 2).Draw(t, "ttl")) * time.Second
	case doRate:
		c.rule = rapid.SampledFrom(rules).Draw(t, "rule")
		c.by = rapid.SampledFrom([]int64{1, 2, 0, 5, 6, 1 << 40, kv.MaxUnits, 1<<63 - 1}).Draw(t, "cost")
		c.peek = rapid.Bool().Draw(t, "peek")
	case doLock, doRenew, doUnlock:
		c.ttl = millis(3000)
		c.durable = rapid.Bool().Draw(t, "durable")
		c.lease = rapid.IntRange(0, 3).Draw(t, "lease")
	case doList:
		c.page = rapid.SampledFrom([]int{1000, 3, 1, 7}).Draw(t, "page")
	}
	return c
}
