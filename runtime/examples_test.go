package runtime

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryExampleOfTheTable(t *testing.T) {
	for _, f := range Functions() {
		if testFunction(f) {
			continue
		}
		if len(f.Examples) == 0 {
			t.Errorf("%s has no example", f.Name)
		}
		for _, ex := range f.Examples {
			t.Run(ex.Code, func(t *testing.T) {
				c := newClock()
				source := strings.Join(append(slices.Clone(ex.Setup), ex.Code), "\n")
				live := liveOver(newStore(t, c))
				live.SQL = tables(t)
				r := testEngine.Run(t.Context(), compileTiny(t, source), ex.Transaction(), RunOptions{Host: live, Now: c.now, Trust: Admin, Namespace: "admin"})
				if ex.Error != "" {
					if r.Err == nil || WithoutPlace(r.Err) != ex.Error || ex.Want != "" {
						t.Errorf("got %s, %v, want the error %s", ValueText(r.Value), r.Err, ex.Error)
					}
					return
				}
				want, err := ParseLiteral(ex.Want)
				if err != nil {
					t.Fatal(err)
				}
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if !Equal(r.Value, want) {
					t.Errorf("got %s, want %s", ValueText(r.Value), ex.Want)
				}
				if k, _ := KindOf(r.Value); f.Result != Any && k != f.Result && (f.Result != Number || k != Int && k != Float) && k != Null && strings.HasPrefix(ex.Code, f.Name+"(") && ex.Code[len(ex.Code)-1] == ')' {
					t.Errorf("result is %s, declared is %s", k, f.Result)
				}
			})
		}
	}
}

// TestNames holds the names to what all three languages can call.
func TestNames(t *testing.T) {
	reserved := strings.Fields(`
		in or and startsWith endsWith let if else not nil true false
		break case catch class const continue debugger default delete do enum export extends finally
		for function import instanceof new null return static super switch this throw try typeof var void
		while with yield await eval arguments elsif require stop anyof allof exists`)
	for _, f := range Functions() {
		if contains(reserved, f.Name) {
			t.Errorf("%s is a reserved word of a language", f.Name)
		}
		if f.Name != strings.ToLower(f.Name) || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			t.Errorf("%s is no snake_case name", f.Name)
		}
	}
}
