package runtime

// maxListEntries bounds what list_entries returns.
const maxListEntries = 1000

func init() {
	list := Param{Name: "list", Kind: String, Doc: "name of the list, as the administrator has configured it"}
	register(Function{
		Name:   "ext_list_valid",
		Family: "extlist",
		Doc:    "Says whether there is an external list of that name.",
		Params: []Param{list},
		Result: Bool, Effect: Reads, Trust: User,
		Examples: []Example{{Code: `ext_list_valid("tag:example.org,2026:none")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			l, err := e.list(a.String(0))
			return bools(l != nil, err)
		},
	})
	register(Function{
		Name:   "ext_list_find",
		Family: "extlist",
		Doc: "Returns the place of the first of some values that an external list holds, -1 if it holds none, " +
			"null if there is no such list. Values are compared without the case of ASCII letters.",
		Params: []Param{list, {Name: "values", Kind: List, Doc: "texts"}},
		Result: Int, Effect: Reads, Trust: User,
		Examples: []Example{{Code: `ext_list_find("tag:example.org,2026:none", ["a@example.org"])`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			l, err := e.list(a.String(0))
			if l == nil || err != nil {
				return nil, err
			}
			for i, v := range a.List(1) {
				s, ok := v.(string)
				if !ok {
					continue
				}
				if ok, err = l.Has(e.Context, s); err != nil {
					return nil, err
				}
				if ok {
					return int64(i), nil
				}
			}
			return int64(-1), nil
		},
	})
	register(Function{
		Name:   "ext_list_entries",
		Family: "extlist",
		Doc:    "Returns the first entries of an external list, null if there is no such list.",
		Params: []Param{list, {Name: "most", Kind: Int, Optional: true, Default: int64(maxListEntries), Doc: "how many; at most 1000"}},
		Result: List, Effect: Reads, Trust: User,
		Examples: []Example{{Code: `ext_list_entries("tag:example.org,2026:none")`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			l, err := e.list(a.String(0))
			if l == nil || err != nil {
				return nil, err
			}
			all, err := l.Entries(e.Context, int(max(0, min(a.Int(1), maxListEntries))))
			out := make([]Value, len(all))
			for i, s := range all {
				out[i] = s
			}
			return out, err
		},
	})
}

// list returns the external list of that name, nil if there is none.
func (e *Env) list(name string) (ExtList, error) {
	if e.live.Lists == nil {
		return nil, nil
	}
	return e.live.Lists(name)
}
