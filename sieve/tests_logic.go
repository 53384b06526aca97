package sieve

// The tests that join others, and the constants.
//
// Spec: RFC 5228, sections 5.2, 5.3, 5.6, 5.8, 5.10
func init() {
	constant := func(v bool) func(*Binder, *Call) Check {
		return func(_ *Binder, c *Call) Check {
			c.known = knownAs(v)
			return func(*Run) (bool, error) { return v, nil }
		}
	}
	register(Extension{Tests: []Test{
		{Name: "true", Bind: constant(true)},
		{Name: "false", Bind: constant(false)},
		{Name: "not", Tests: OneTest, Bind: func(_ *Binder, c *Call) Check {
			t := c.tests[0]
			if t.known != unknown {
				c.known = knownAs(t.known == knownFalse)
			}
			return func(r *Run) (bool, error) {
				ok, err := r.Test(t)
				return !ok && err == nil, err
			}
		}},
		// Both lists end at the first test that decides them: what later tests would
		// have captured is not captured.
		{Name: "anyof", Tests: TestList, Bind: bindList(true)},
		{Name: "allof", Tests: TestList, Bind: bindList(false)},
	}})
}

func bindList(decisive bool) func(*Binder, *Call) Check {
	return func(_ *Binder, c *Call) Check {
		tests := c.tests
		c.known = knownAs(!decisive)
		for _, t := range tests {
			switch t.known {
			case unknown:
				c.known = unknown
			case knownAs(decisive):
				c.known = knownAs(decisive)
			}
			if c.known == knownAs(decisive) {
				break
			}
		}
		return func(r *Run) (bool, error) {
			for _, t := range tests {
				ok, err := r.Test(t)
				if err != nil {
					return false, err
				}
				if ok == decisive {
					return decisive, nil
				}
			}
			return !decisive, nil
		}
	}
}
