package sieve

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	gosieve "github.com/foxcpp/go-sieve"
	"github.com/foxcpp/go-sieve/interp"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// TestDifferential runs random scripts on random messages here and with go-sieve and
// compares the actions, in order. What go-sieve is known to do wrong is not generated;
// TestKnownPeerDefects has it, with the reasons:
//
//   - text of a message with ${ in it (expanded a second time when it is used as a key),
//   - characters beyond ASCII in scripts (:lower and :upper change them, :matches does not find them),
//   - ? in keys for bodies (it matches no end of a line), and bodies without text (no text of
//     one is ""),
//   - address fields that cannot be read (one ends the whole test),
//   - stop without an action (the implicit keep is lost from its list of actions; taken
//     from its older field here),
//   - a second fileinto to one mailbox (left out with its flags), discard after flags (it
//     clears them), and :count without a comparator (numeric there),
//   - flags that differ in case only (removeflag does not see that they are one),
//   - numbers of more than 64 bits,
//   - wrong scripts, which it often takes.
func TestDifferential(t *testing.T) {
	l := testLanguage()
	rapid.Check(t, func(t *rapid.T) {
		g := &scriptGenerator{t: t}
		script, message := g.script(), g.message()
		from := rapid.SampledFrom([]string{"ann@example.org", "Bob@Example.COM", "x+y@letters.example"}).Draw(t, "from")
		want, err := peerActions(script, message, from)
		if err != nil {
			t.Fatalf("go-sieve: %v\n%s", err, script)
		}
		got, err := ourActions(l, script, message, from)
		if err != nil {
			t.Fatalf("%v\n%s", err, script)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("go-sieve and we differ:\n%s\nscript:\n%s\nmessage:\n%s", diff, script, message)
		}
	})
}

const differentialTo = "user+box@example.net"

func ourActions(l *Language, script, message, from string) ([]string, error) {
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		return nil, err
	}
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: from}, Message: mail.New([]byte(message))}
	tx.Rcpt.Address = differentialTo
	limits := runtime.Limits{Redirects: 1000, Actions: 1000}
	res := runtime.NewEngine(l).Run(context.Background(), p, tx, runtime.RunOptions{Limits: limits, Seed: 1})
	if res.Err != nil {
		return nil, res.Err
	}
	var out []string
	kept := true
	for _, a := range res.Plan.Actions {
		out = append(out, neutral(string(a.Kind), a.Mailbox+a.Address+a.Reason, a.Copy, a.Flags))
		kept = kept && a.Copy
	}
	if kept {
		out = append(out, neutral("implicit keep", "", false, res.Plan.KeepFlags))
	}
	return out, nil
}

// peerMessage gives go-sieve the header as it wants it: unfolded and decoded.
type peerMessage struct{ m *mail.Message }

func (p peerMessage) HeaderGet(key string) ([]string, error) { return p.m.Header().Texts(key), nil }
func (p peerMessage) MessageSize() int                       { return int(p.m.Size()) }

// Its own reader of bodies does for these messages, which are plain.
func (p peerMessage) BodyRaw(ctx context.Context) (io.Reader, error) {
	return interp.MessageStatic{RawMessage: p.m.Raw()}.BodyRaw(ctx)
}

func (p peerMessage) BodyParts(ctx context.Context, types []string) ([]interp.BodyPart, error) {
	return interp.MessageStatic{RawMessage: p.m.Raw()}.BodyParts(ctx, types)
}

func peerActions(script, message, from string) ([]string, error) {
	o := gosieve.DefaultOptions()
	o.Interp.MaxRedirects = 1000
	s, err := gosieve.Load(strings.NewReader(script), o)
	if err != nil {
		return nil, err
	}
	d := gosieve.NewRuntimeData(s, interp.DummyPolicy{}, interp.EnvelopeStatic{From: from, To: differentialTo}, peerMessage{mail.New([]byte(message))})
	if err := s.Execute(context.Background(), d); err != nil {
		return nil, err
	}
	var out []string
	kept := true
	for _, a := range d.AppliedActions {
		switch a := a.(type) {
		case interp.ActionKeep:
			if a.Implicit {
				continue
			}
			out, kept = append(out, neutral("keep", "", false, a.Flags)), false
		case interp.ActionDiscard:
			out, kept = append(out, neutral("discard", "", false, nil)), false
		case interp.ActionFileInto:
			out, kept = append(out, neutral("fileinto", a.Mailbox, a.Copy, a.Flags)), kept && a.Copy
		case interp.ActionRedirect:
			out, kept = append(out, neutral("redirect", a.Address, a.Copy, nil)), kept && a.Copy
		case interp.ActionReject:
			out, kept = append(out, neutral("reject", a.Reason, false, nil)), false
		}
	}
	if kept {
		out = append(out, neutral("implicit keep", "", false, d.Flags))
	}
	return out, nil
}

func neutral(kind, what string, isCopy bool, flags []string) string {
	var set []string
	for _, f := range flags {
		set = append(set, strings.ToLower(f))
	}
	slices.Sort(set)
	return fmt.Sprintf("%s %q copy=%t %v", kind, what, isCopy, slices.Compact(set))
}

// scriptGenerator writes scripts and messages that meet often: few names, few words.
type scriptGenerator struct {
	t     *rapid.T
	n     int // mailboxes and addresses so far, so that each is new
	flags bool
	depth int
}

func (g *scriptGenerator) of(list ...string) string { return rapid.SampledFrom(list).Draw(g.t, "") }
func (g *scriptGenerator) below(n int) int          { return rapid.IntRange(0, n-1).Draw(g.t, "") }

func (g *scriptGenerator) word() string {
	return g.of("sale", "Sale", "ticket", "list", "a", "A", "", "b c", "x.y", "[1]", "100", "99", "007", "(z)", "ticket #5", "^$|", "example.org", "ann@example.org", "Bob", "bob")
}

// text is a text that comes into a script or message as it is.
func (g *scriptGenerator) text() string {
	var out strings.Builder
	out.WriteString(g.word())
	for range g.below(3) {
		out.WriteString(g.of("", " ", "-") + g.word())
	}
	return strings.TrimSpace(out.String())
}

func (g *scriptGenerator) message() string {
	var b strings.Builder
	for range 1 + g.below(6) {
		switch name := g.of("Subject", "subject", "X-A", "X-B", "X-Num", "From", "To", "Cc"); name {
		case "From", "To", "Cc":
			list := []string{g.address()}
			for range g.below(3) {
				list = append(list, g.address())
			}
			fmt.Fprintf(&b, "%s: %s\r\n", name, strings.Join(list, ", "))
		default:
			fmt.Fprintf(&b, "%s:%s%s\r\n", name, g.of(" ", "", "  ", "\r\n "), strings.ReplaceAll(g.text(), " ", g.of(" ", "\r\n ")))
		}
	}
	b.WriteString("\r\n" + strings.Repeat("body\r\n", 1+g.below(40)))
	for range g.below(3) {
		b.WriteString(g.text() + "\r\n")
	}
	return b.String()
}

func (g *scriptGenerator) address() string {
	return g.of("ann@example.org", "Bob Smith <bob@Example.COM>", `"q, q" <c.d@letters.example>`, "user+box@example.net", "ANN@EXAMPLE.ORG", "e+f+g@example.org")
}

func (g *scriptGenerator) script() string {
	g.flags = g.below(2) == 0
	return `require ["fileinto", "envelope", "variables", "copy", "imap4flags", "relational", "subaddress", "body", "comparator-i;ascii-numeric"];` + "\n" + g.block(1+g.below(5))
}

func (g *scriptGenerator) block(n int) string {
	var b strings.Builder
	g.depth++
	for range n {
		b.WriteString(g.command() + "\n")
	}
	g.depth--
	return b.String()
}

func (g *scriptGenerator) command() string {
	switch k := g.below(14); {
	case k < 5 && g.depth < 4:
		var s strings.Builder
		s.WriteString("if " + g.test(0) + " {\n" + g.block(g.below(3)) + "}")
		for range g.below(2) {
			s.WriteString(" elsif " + g.test(0) + " {\n" + g.block(g.below(3)) + "}")
		}
		if g.below(2) == 0 {
			s.WriteString(" else {\n" + g.block(g.below(3)) + "}")
		}
		return s.String()
	case k == 6 && g.flags:
		return g.of("setflag", "addflag", "removeflag") + " " + g.flagList() + ";"
	case k == 7 && !g.flags:
		return "discard;"
	case k == 8:
		return "stop;"
	case k == 9:
		g.n++
		return fmt.Sprintf("redirect %s\"r%d@example.org\";", g.of("", ":copy "), g.n)
	case k == 10:
		return "keep;"
	case k == 11 || k == 12:
		return fmt.Sprintf("set %s\"v%d\" %s;", g.of("", ":lower ", ":upper ", ":length ", ":quotewildcard ", ":upperfirst :lower "), g.below(3), g.value())
	}
	g.n++
	flags := ""
	if g.flags && g.below(3) == 0 {
		flags = ":flags " + g.flagList() + " "
	}
	return fmt.Sprintf("fileinto %s%s\"box%d%s\";", g.of("", ":copy "), flags, g.n, g.of("", "", "-${v0}", "-${1}"))
}

func (g *scriptGenerator) flagList() string {
	return g.of(`"$a"`, `"$b"`, `["$a", "$c"]`, `"\\Seen"`, `["\\Flagged", "$d"]`)
}

// value is a string of a script that may hold references.
func (g *scriptGenerator) value() string {
	return `"` + g.text() + g.of("", "", "${v0}", "${v1}x", "${1}", "${2}", "${0}", "${nope}") + `"`
}

func (g *scriptGenerator) test(depth int) string {
	k := g.below(14)
	if depth > 2 && k < 3 {
		k = 3
	}
	switch k {
	case 0:
		return "not " + g.test(depth+1)
	case 1, 2:
		list := []string{g.test(depth + 1)}
		for range g.below(3) {
			list = append(list, g.test(depth+1))
		}
		return g.of("anyof", "allof") + " (" + strings.Join(list, ", ") + ")"
	case 3:
		return g.of("true", "false")
	case 4:
		return fmt.Sprintf("size %s %d", g.of(":over", ":under"), g.below(300))
	case 5:
		return "exists " + g.headers("Subject", "x-a", "X-B", "X-None")
	case 6:
		return "address " + g.of("", ":all ", ":localpart ", ":domain ", ":user ", ":detail ") + g.match() + g.headers("from", "to", "cc") + " " + g.keys()
	case 7:
		return "envelope " + g.of("", ":all ", ":localpart ", ":domain ", ":user ", ":detail ") + g.match() + g.of(`"from"`, `"to"`) + " " + g.keys()
	case 8:
		comparator := g.of(`:comparator "i;ascii-casemap" `, `:comparator "i;octet" `) // the default is another one here
		return "string " + comparator + g.of("", ":is ", ":contains ", ":matches ") + g.value() + " " + g.keys()
	case 12:
		return "body " + g.of(":raw ", ":text ", `:content "text" `, `:content "text/plain" `, `:content "image" `) + g.of(":is ", ":contains ", ":matches ") + strings.ReplaceAll(g.keys(), "?", "")
	case 9:
		return fmt.Sprintf(`header :count "%s" :comparator "i;ascii-numeric" %s "%d"`, g.operator(), g.headers("subject", "x-a", "x-b"), g.below(4))
	case 10:
		return fmt.Sprintf(`header :value "%s" :comparator "i;ascii-numeric" %s "%s"`, g.operator(), g.headers("x-num", "subject"), g.of("100", "7", "0", "x", "-3", "099"))
	}
	return "header " + g.match() + g.headers("subject", "x-a", "X-B", "x-num", "x-none") + " " + g.keys()
}

func (g *scriptGenerator) operator() string { return g.of("gt", "ge", "lt", "le", "eq", "ne") }

func (g *scriptGenerator) match() string {
	return g.of("", "", `:comparator "i;octet" `) + g.of("", ":is ", ":contains ", ":matches ", ":matches ")
}

func (g *scriptGenerator) headers(names ...string) string {
	if g.below(3) == 0 {
		return `["` + g.of(names...) + `", "` + g.of(names...) + `"]`
	}
	return `"` + g.of(names...) + `"`
}

func (g *scriptGenerator) keys() string {
	key := func() string {
		s := g.of("", "*", "*", "?") + g.word() + g.of("", "*", "*", "?", "??", "${v1}")
		if g.below(4) == 0 {
			s += g.of("*", " ") + g.word() + g.of("*", "")
		}
		return `"` + s + `"`
	}
	if g.below(2) == 0 {
		return "[" + key() + ", " + key() + "]"
	}
	return key()
}
