package sieve

const whileName = "vnd.sluice.while"

// maxWhiles is how deep while loops may be nested.
const maxWhiles = 8

// vnd.sluice.while repeats a block as long as a test holds. Each turn costs steps of the run,
// so that a loop without an end meets the limit of steps or time.
//
//	while not string "${n}" "5" { let "n" "string(int(n) + 1)"; }
//
// Spec:   Sluice
// Status: complete
func init() {
	name := Tag{Name: "name", Args: []Arg{{Name: "name", Kind: StringArgument}}}
	register(Extension{
		Name: whileName, Spec: "Sluice", Status: "complete; `break` (RFC 5703, section 3.2) leaves the loop",
		Limits:   "the steps and the time of the run; 8 nested loops",
		Excludes: []string{stalwartWhileName},

		Commands: []Command{
			// while [":name" <name: string>] <test> <block>
			{Name: "while", Tags: []Tag{name}, Tests: OneTest, Block: true, Bind: bindWhile},
			// continue [":name" <name: string>]
			{Name: "continue", Tags: []Tag{name}, Bind: func(b *Binder, c *Call) Do { return b.jump(c, true) }},
		},
	})
}

func bindWhile(b *Binder, c *Call) Do {
	l := b.whileLoop(c)
	test := c.tests[0]
	if b.known(test) == knownFalse {
		return nil
	}
	block := c.Loop(l)
	return func(r *Run) error {
		for {
			if ok, err := r.Test(test); err != nil || !ok {
				return err
			}
			if over, err := l.left(r.Block(block)); over {
				return err
			}
		}
	}
}

// whileLoop begins a loop of while.
func (b *Binder) whileLoop(c *Call) *loop {
	l := &loop{kind: whileName}
	if u := c.Tag("name"); u != nil {
		l.name, _ = b.constantText(u.Text(), "the name of a loop")
	}
	nested := 1
	for _, outer := range b.loops {
		if outer.kind == whileName {
			nested++
		}
	}
	if nested == maxWhiles+1 { // once for all that is deeper
		b.Errorf(c.Node.NameSpan, "at most %d loops may be nested", maxWhiles)
	}
	return l
}
