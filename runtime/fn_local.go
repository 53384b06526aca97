package runtime

func init() {
	register(Function{
		Name:   "is_local_domain",
		Family: "address",
		Doc: "Says whether the domain is one that mail is delivered for here: an account or an alias has an address in it, or it is the server's own name. " +
			"Case does not count, nor does a dot at the end.",
		Params: []Param{{Name: "domain", Kind: String, Doc: "domain, without the @"}},
		Result: Bool, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `is_local_domain("elsewhere.invalid")`, Want: `false`},
			{Code: `is_local_domain("")`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			domain := hostName(a.String(0))
			if e.live.IsLocalDomain == nil || domain == "" || domain == "." {
				return false, nil
			}
			return bools(e.live.IsLocalDomain(e.Context, domain))
		},
	})
}
