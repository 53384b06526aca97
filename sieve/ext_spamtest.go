package sieve

import "strconv"

// Values of the tests of scanners: from 1 (clean) to these, 0 where nothing is known.
const (
	maxSpam  = 10
	maxVirus = 5
)

// spamtest, spamtestplus and virustest test what a scanner has said of the message in a header
// field that the administrator names.
//
// Spec:   RFC 5235
// Status: complete
func init() {
	value := Arg{Name: "value", Kind: StringArgument}
	register(Extension{
		Name: "spamtest", Spec: "RFC 5235, section 3.2", Status: "complete; the administrator names the header field",
		// spamtest [COMPARATOR] [MATCH-TYPE] <value: string>
		Tests: []Test{{Name: "spamtest", Args: []Arg{value}, Match: true, Bind: func(_ *Binder, c *Call) Check {
			m, percent := c.Matcher("value"), c.Tag("percent") != nil
			return func(r *Run) (bool, error) {
				ratio, scanned := r.Options().Spamtest.ratio(r, "spamtest", maxSpam)
				n := int(ratio*(maxSpam-1) + 1.001)
				if percent {
					n = int(ratio*100 + 0.001)
				}
				return m.scanned(r, n, scanned), nil
			}
		}}},
	})
	register(Extension{
		Name: "spamtestplus", Spec: "RFC 5235, section 3.3", Status: "complete; the administrator names the header field",
		Implies: []string{"spamtest"},
		// spamtest [:percent]
		Tags: []Tag{{Name: "percent", On: []string{"spamtest"}}},
	})
	register(Extension{
		Name: "virustest", Spec: "RFC 5235, section 3.4", Status: "complete; the administrator names the header field",
		// virustest [COMPARATOR] [MATCH-TYPE] <value: string>
		Tests: []Test{{Name: "virustest", Args: []Arg{value}, Match: true, Bind: func(_ *Binder, c *Call) Check {
			m := c.Matcher("value")
			return func(r *Run) (bool, error) {
				ratio, scanned := r.Options().Virustest.ratio(r, "virustest", maxVirus)
				return m.scanned(r, int(ratio*(maxVirus-1)+1.001), scanned), nil
			}
		}}},
	})
}

// scanned matches a verdict, which is 0 where the message was not scanned. There is one verdict to
// count, or none.
func (m *Matcher) scanned(r *Run, n int, scanned bool) bool {
	if !scanned {
		n = 0
	}
	if m.Counting() {
		if scanned {
			return m.Count(r, 1)
		}
		return m.Count(r, 0)
	}
	return m.MatchText(r, strconv.Itoa(n))
}
