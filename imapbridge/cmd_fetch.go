package imapbridge

import (
	"context"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// fetchItemsMax bounds the items of one FETCH.
const fetchItemsMax = 100

// FETCH tells data items of messages.
func init() {
	registerBoth(func(uid bool) Command[*FetchRequest] {
		return Command[*FetchRequest]{
			Name:         "FETCH",
			Spec:         "RFC 3501, section 6.4.5",
			States:       Selected,
			KeepsNumbers: true,
			Parse: func(p *wire.Parser) *FetchRequest {
				r := &FetchRequest{UID: uid}
				p.SP()
				r.Set = p.Set()
				p.SP()
				r.parseItems(p)
				if p.Accept(' ') && p.More() {
					r.params = fetchModifiers.parse(p)
				}
				return r
			},
			Run: func(ctx context.Context, s *Session, r *FetchRequest) error { return s.fetch(ctx, r) },
		}
	})
}

// parseItems reads a macro, an item, or a list of items.
func (r *FetchRequest) parseItems(p *wire.Parser) {
	if p.Next('(') {
		p.List(func() { r.parseItem(p, p.ItemName()) })
		if p.Err() == nil && len(r.items) == 0 {
			p.Fail("expected a data item")
		}
		return
	}
	name := p.ItemName()
	macro := fetchMacros[name]
	if macro == nil {
		r.parseItem(p, name)
	}
	for _, item := range macro {
		r.items = append(r.items, fetchCall{item: fetchItems[item]})
	}
}

// parseItem reads what follows the name of an item.
func (r *FetchRequest) parseItem(p *wire.Parser, name string) {
	if p.Err() != nil {
		return
	}
	if p.Next('[') {
		name += "[]"
	}
	item := fetchItems[name]
	switch {
	case item == nil:
		p.Failf("unknown data item %s", name)
		return
	case len(r.items) == fetchItemsMax:
		p.Fail("more than 100 data items")
		return
	}
	call := fetchCall{item: item}
	if item.Parse != nil {
		call.arg = item.Parse(p)
	}
	r.items = append(r.items, call)
}
