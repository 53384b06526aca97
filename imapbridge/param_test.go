package imapbridge

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// parser returns a parser of what stands behind "a X".
func parser(t *testing.T, args string) *wire.Parser {
	r := wire.NewReader(strings.NewReader("a X" + args + "\r\n"))
	r.Limits = func(string) wire.Limits { return wire.Limits{Line: 1000} }
	c, err := r.Command()
	if err != nil {
		t.Fatal(err)
	}
	return wire.NewParser(c)
}

func TestParameters(t *testing.T) {
	refused := errors.New("refused")
	ps := params[*[]any]{}
	ps.add(Param[*[]any]{Name: "PLAIN", Apply: func(_ context.Context, _ *Session, seen *[]any, value any) error {
		*seen = append(*seen, "plain", value)
		return nil
	}})
	ps.add(Param[*[]any]{
		Name:  "SINCE",
		Parse: func(p *wire.Parser) any { p.SP(); return p.Number64() },
		Apply: func(_ context.Context, _ *Session, seen *[]any, value any) error {
			*seen = append(*seen, value)
			if value == uint64(0) {
				return refused
			}
			return nil
		},
	})
	tests := []struct {
		name, input string
		seen        int
		err         string
	}{
		{"none", "()", 0, ""},
		{"two, in any case", "(plain Since 7)", 3, ""},
		{"one that nobody knows", "(FOO)", 0, "unknown parameter FOO at octet 8"},
		{"one twice", "(PLAIN PLAIN)", 0, "parameter PLAIN is given twice at octet 16"},
		{"a value that is missing", "(SINCE)", 0, `expected a space, found ")" at octet 10`},
		{"one that is refused", "(SINCE 0)", 1, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parser(t, " "+tt.input)
			p.SP()
			list := ps.parse(p)
			p.End()
			err := p.Err()
			var seen []any
			if err == nil {
				err = apply(t.Context(), nil, list, &seen)
			}
			if len(seen) != tt.seen || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %v, %v", seen, err)
			}
		})
	}
}

func TestRegistriesRefuseNonsense(t *testing.T) {
	for name, register := range map[string]func(){
		"a command twice":     func() { register(Command[None]{Name: "NOOP"}) },
		"half a command":      func() { register(Command[None]{Name: "HALF"}) },
		"a capability twice":  func() { announce(*extensions["IDLE"]) },
		"an item twice":       func() { registerFetchItem(*fetchItems["UID"]) },
		"a key twice":         func() { registerSearchKey(*searchKeys["ALL"]) },
		"an option twice":     func() { registerReturnOption(*returnOptions["MIN"]) },
		"a status item twice": func() { registerStatusItem(*statusItems["MESSAGES"]) },
		"half a parameter":    func() { params[int]{}.add(Param[int]{Name: "X"}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("was taken")
				}
			}()
			register()
		})
	}
}
