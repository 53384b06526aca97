package sieve

// index has tests look at one of the fields of a name: the nth, or the nth from the end.
// Where there are less, the test is false.
//
// Spec:   RFC 5260, section 6
// Status: complete
func init() {
	on := []string{"header", "address", "date"}
	register(Extension{
		Name: "index", Spec: "RFC 5260, section 6", Status: "complete",

		// header, address, date [:index <fieldno: number> [:last]]
		Tags: []Tag{
			{Name: "index", On: on, Args: []Arg{{Name: "fieldno", Kind: NumberArgument}}, Bind: bindIndex},
			{Name: "last", On: on, Bind: bindLast},
		},
	})
}

func bindIndex(b *Binder, c *Call, u *TagUse) {
	n := u.Number()
	if n == 0 {
		b.Errorf(u.args[0].Span, "\":index\": fields are counted from 1")
		return
	}
	c.pick.index = int(min(n, 1<<30))
}

func bindLast(b *Binder, c *Call, u *TagUse) {
	if c.Tag("index") == nil {
		b.Errorf(u.Span, "\":last\" needs \":index\" with the number of a field")
		return
	}
	c.pick.last = true
}
