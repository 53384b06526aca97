package sieve

const stalwartWhileName = "vnd.stalwart.while"

// vnd.stalwart.while repeats a block as long as an expression of Stalwart's language holds. Each
// turn costs steps of the run, so that a loop without an end meets the limit of steps or time.
//
//	while "i < count(urls)" { let "url" "urls[i]"; let "i" "i + 1"; ... }
//
// Spec:   Stalwart
// Status: complete
func init() {
	name := Tag{Name: "name", Args: []Arg{{Name: "name", Kind: StringArgument}}}
	register(Extension{
		Name: stalwartWhileName, Spec: "Stalwart", Status: "complete; `break` (RFC 5703, section 3.2) leaves the loop, `break :name` one further out",
		Limits:   "the steps and the time of the run; 8 nested loops",
		Excludes: []string{whileName}, Shares: []string{whileName},

		Commands: []Command{
			// while [":name" <name: string>] <expression: string> <block>
			{Name: "while", Args: []Arg{{Name: "expression", Kind: StringArgument}}, Tags: []Tag{name}, Block: true, Bind: bindStalwartWhile},
			// continue [":name" <name: string>]
			{Name: "continue", Tags: []Tag{name}, Bind: func(b *Binder, c *Call) Do { return b.jump(c, true) }},
		},
	})
}

func bindStalwartWhile(b *Binder, c *Call) Do {
	l := b.whileLoop(c)
	x := b.stalwart(c)
	block := c.Loop(l)
	return func(r *Run) error {
		for {
			if err := r.task.Step(1); err != nil {
				return err
			}
			if v, err := x.eval(r); err != nil || !Truth(v) {
				return err
			}
			if over, err := l.left(r.Block(block)); over {
				return err
			}
		}
	}
}
