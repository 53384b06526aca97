package runtime

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// acts makes actions from words: kind, what it concerns, and options.
func acts(lines ...string) []Action {
	var out []Action
	for _, l := range lines {
		f := strings.Fields(l)
		a := Action{Kind: ActionKind(f[0])}
		for _, w := range f[1:] {
			switch {
			case w == "copy":
				a.Copy = true
			case w == "create":
				a.Create = true
			case w == "implicit":
				a.Implicit = true
			case w[0] == '\\' || w[0] == '$':
				a.Flags = append(a.Flags, w)
			case a.Kind == FileInto:
				a.Mailbox = w
			case a.Kind == Redirect:
				a.Address = w
			case a.Kind == Mark:
				a.Key = w
			case a.Kind == Send || a.Kind == FileCopy:
				if w == "sent" {
					a.Raw = []byte(w)
				} else {
					a.As = w
				}
			default:
				a.Reason = w
			}
		}
		out = append(out, a)
	}
	return out
}

func TestSettle(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name    string
		plan    []Action
		flags   []string
		failed  error
		prior   []Action
		want    []Action
		refused string
		err     error
	}{
		{name: "nothing asked is an implicit keep", want: acts("keep implicit")},
		{name: "the implicit keep has the flags of the plan", flags: []string{`\Seen`, `\seen`, "$A"}, want: acts(`keep implicit \Seen $A`)},
		{name: "an explicit keep is the keep", plan: acts("keep"), flags: []string{`\Seen`}, want: acts("keep")},
		{name: "fileinto cancels it", plan: acts("fileinto A"), want: acts("fileinto A")},
		{name: "a copy does not", plan: acts("fileinto A copy"), want: acts("fileinto A copy", "keep implicit")},
		{name: "vacation does not cancel it", plan: acts("send vacation sent"), want: acts("send vacation sent", "keep implicit")},
		{name: "a second vacation is an error", plan: acts("send vacation sent", "send vacation sent"), err: ErrConflict},
		{name: "also where the first was not sent", plan: acts("send vacation", "send vacation sent"), err: ErrConflict},
		{name: "vacation and reject are an error", plan: acts("send vacation", "reject no"), err: ErrConflict},
		{name: "vacation and ereject are an error", plan: acts("ereject no", "send vacation sent"), err: ErrConflict},
		{name: "vacation and a redirect are none", plan: acts("send vacation sent", "redirect a@b"), want: acts("send vacation sent", "redirect a@b")},
		{name: "a notification goes with a reject", plan: acts("send notify sent", "reject no"), want: acts("send notify sent"), refused: "reject"},
		{name: "a report goes with a reject, with its copy", plan: acts("fcc report sent", "reject no"), want: acts("fcc report sent"), refused: "reject"},
		{name: "two notifications are two", plan: acts("send notify sent", "send notify sent"), want: acts("send notify sent", "send notify sent", "keep implicit")},
		{name: "a vacation behind an earlier one is dropped with its copy", plan: acts("send vacation sent", "fcc vacation sent", "keep"), prior: acts("send vacation sent", "keep implicit"), want: acts("send vacation sent", "keep")},
		{name: "a vacation behind one that was not sent is sent", plan: acts("send vacation sent"), prior: acts("send vacation", "keep implicit"), want: acts("send vacation", "send vacation sent", "keep implicit")},
		{name: "a reject behind a vacation discards", plan: acts("reject no"), prior: acts("send vacation sent", "keep implicit"), want: acts("send vacation sent", "discard")},
		{name: "a reject behind a vacation that was not sent refuses", plan: acts("reject no"), prior: acts("send vacation", "keep implicit"), refused: "reject"},
		{name: "a reject behind a notification refuses", plan: acts("reject no"), prior: acts("send notify sent", "keep implicit"), want: acts("send notify sent"), refused: "reject"},
		{name: "the mark of a vacation falls with it", plan: []Action{{Kind: Send, As: AsVacation, Raw: []byte("v")}, {Kind: Mark, Key: "v", As: AsVacation}, {Kind: Mark, Key: "m"}},
			prior: acts("reject first"), want: acts("mark m"), refused: "reject"},
		{name: "a tempfail takes notifications with it", plan: acts("send notify sent", "tempfail no"), refused: "tempfail"},
		{name: "redirect cancels it", plan: acts("redirect a@b"), want: acts("redirect a@b")},
		{name: "redirect of a copy does not", plan: acts("redirect a@b copy"), want: acts("redirect a@b copy", "keep implicit")},
		{name: "reply does not", plan: acts("reply hello"), want: acts("reply hello", "keep implicit")},
		{name: "mark does not, and is last", plan: acts("mark k"), want: acts("keep implicit", "mark k")},
		{name: "discard cancels only the implicit keep", plan: acts("fileinto A copy", "discard", "fileinto B copy"), want: acts("fileinto A copy", "discard", "fileinto B copy")},
		{name: "discard twice is once", plan: acts("discard", "discard"), want: acts("discard")},
		{name: "two stores into one mailbox are one with the last flags", plan: acts(`fileinto A $X`, `fileinto A $Y create`), want: acts(`fileinto A $Y create`)},
		{name: "a store after that of an earlier script adds its flags", prior: acts(`fileinto A $X`), plan: acts(`fileinto A $Y`), want: acts(`fileinto A $X $Y`)},
		{name: "mailboxes have case, INBOX has not", plan: acts("fileinto a", "fileinto A", "fileinto inbox $X", `keep \Seen`), want: acts("fileinto a", "fileinto A", `keep \Seen`)},
		{name: "a copy and a store into one mailbox is a store", plan: acts("fileinto A copy", "fileinto A"), want: acts("fileinto A")},
		{name: "a copy into INBOX and the implicit keep are one", plan: acts("fileinto INBOX copy $X"), want: acts("keep copy implicit $X")},
		{name: "redirects to one address are one, domain without case", plan: acts("redirect a@B.org copy", "redirect a@b.ORG", "redirect A@b.org"), want: acts("redirect a@B.org", "redirect A@b.org")},
		{name: "equal replies are one", plan: acts("reply x", "reply x"), want: acts("reply x", "keep implicit")},
		{name: "marks come last in their order", plan: acts("mark a", "fileinto A", "mark b"), want: acts("fileinto A", "mark a", "mark b")},

		{name: "reject alone", plan: acts("reject no", "mark k"), want: acts("mark k"), refused: "reject"},
		{name: "reject with discard", plan: acts("discard", "reject no"), want: nil, refused: "reject"},
		{name: "reject with keep is a conflict", plan: acts("keep", "reject no"), err: ErrConflict},
		{name: "reject before keep too", plan: acts("reject no", "keep"), err: ErrConflict},
		{name: "ereject with a copy is a conflict", plan: acts("ereject no", "fileinto A copy"), err: ErrConflict},
		{name: "reject with redirect is a conflict", plan: acts("redirect a@b", "reject no"), err: ErrConflict},
		{name: "reject with reply is a conflict", plan: acts("reply x", "reject no"), err: ErrConflict},
		{name: "two rejects are a conflict", plan: acts("reject no", "reject no"), err: ErrConflict},
		{name: "reject and tempfail are a conflict", plan: acts("tempfail no", "reject no"), err: ErrConflict},
		{name: "two different replies are a conflict", plan: acts("reply x", "reply y"), err: ErrConflict},
		{name: "tempfail drops all else", plan: acts("fileinto A", "redirect a@b", "mark k", "tempfail later"), want: nil, refused: "tempfail"},
		{name: "tempfail twice is once", plan: acts("tempfail later", "tempfail much"), want: nil, refused: "tempfail"},

		{name: "a failed plan is dropped", plan: acts("fileinto A", "mark k"), flags: []string{"$X"}, failed: broken, want: acts("keep implicit")},
		{name: "a failed unlawful plan too", plan: acts("keep", "reject no"), failed: broken, want: acts("keep implicit")},

		{name: "an earlier implicit keep goes on", prior: acts("mark a", "keep implicit $X"), want: acts("keep implicit $X", "mark a")},
		{name: "and is cancelled by a later script", prior: acts("keep implicit $X"), plan: acts("fileinto A"), want: acts("fileinto A")},
		{name: "and is kept by a later failed one", prior: acts("keep implicit $X"), failed: broken, want: acts("keep implicit $X")},
		{name: "an earlier copy outlives its implicit keep", prior: acts("keep copy implicit $X"), plan: acts("discard"), want: acts("keep copy $X", "discard")},
		{name: "an earlier store stays stored", prior: acts("fileinto A"), want: acts("fileinto A")},
		{name: "stores merge over scripts", prior: acts("fileinto A $X"), plan: acts("fileinto A $Y", "keep"), want: acts("fileinto A $X $Y", "keep")},
		{name: "an earlier discard stays", prior: acts("discard"), want: acts("discard")},
		{name: "a failed script keeps what was only discarded", prior: acts("discard"), failed: broken, want: acts("discard", "keep implicit")},
		{name: "a failed script keeps what was only sent on", prior: acts("redirect a@b"), failed: broken, want: acts("redirect a@b", "keep implicit")},
		{name: "a failed script does not file twice", prior: acts("fileinto A"), failed: broken, want: acts("fileinto A")},
		{name: "reject after an earlier implicit keep", prior: acts("keep implicit"), plan: acts("reject no"), want: nil, refused: "reject"},
		{name: "reject after an earlier store acts as discard", prior: acts("fileinto A copy", "keep implicit"), plan: acts("reject no"), want: acts("fileinto A copy", "discard")},
		{name: "reject after an earlier reply acts as discard", prior: acts("reply x", "keep implicit"), plan: acts("ereject no"), want: acts("reply x", "discard")},
		{name: "tempfail after an earlier store drops it", prior: acts("fileinto A", "mark k"), plan: acts("tempfail later"), want: nil, refused: "tempfail"},
		{name: "a second reject is dropped", prior: acts("mark a", "reject first"), plan: acts("reject second", "mark b"), want: acts("mark a", "mark b"), refused: "reject"},
		{name: "nothing is stored after an earlier reject", prior: acts("reject first"), plan: acts("fileinto A"), want: nil, refused: "reject"},
		{name: "a second reply is dropped", prior: acts("reply x", "keep implicit"), plan: acts("reply y"), want: acts("reply x", "keep implicit")},
		{name: "quarantine cancels the implicit keep", plan: acts("quarantine virus"), flags: []string{"$A"}, want: acts("quarantine virus")},
		{name: "quarantine twice is once, with the first reason", plan: acts("quarantine virus", "quarantine spam"), want: acts("quarantine virus")},
		{name: "quarantine takes the place of stores and redirects", plan: acts("keep", "fileinto A", "quarantine virus", "redirect a@b", "reply x", "send vacation sent", "discard"), want: acts("quarantine virus", "discard")},
		{name: "but not of copies, notifications and marks", plan: acts("quarantine virus", "fileinto A copy", "redirect a@b copy", "send notify sent", "mark k"), want: acts("quarantine virus", "fileinto A copy", "redirect a@b copy", "send notify sent", "mark k")},
		{name: "quarantine leaves what earlier scripts settled", prior: acts("fileinto A copy", "keep implicit"), plan: acts("quarantine virus"), want: acts("fileinto A copy", "quarantine virus")},
		{name: "an earlier quarantine stays", prior: acts("quarantine virus"), plan: acts("discard"), want: acts("quarantine virus", "discard")},
		{name: "a failed script does not file what is quarantined", prior: acts("quarantine virus"), failed: broken, want: acts("quarantine virus")},
		{name: "a failed quarantine keeps", plan: acts("quarantine virus"), failed: broken, want: acts("keep implicit")},
		{name: "quarantine and reject are a conflict", plan: acts("quarantine virus", "reject no"), err: ErrConflict},
		{name: "reject after an earlier quarantine acts as discard", prior: acts("quarantine virus"), plan: acts("reject no"), want: acts("quarantine virus", "discard")},
		{name: "tempfail wins over quarantine", plan: acts("quarantine virus", "tempfail later"), refused: "tempfail"},

		{name: "accept changes nothing", plan: acts("accept", "accept"), want: acts("accept", "keep implicit")},
		{name: "accept stands beside stores", plan: acts("fileinto A", "accept"), want: acts("fileinto A", "accept")},
		{name: "accept and reject are a conflict", plan: acts("accept", "reject no"), err: ErrConflict},
		{name: "tempfail wins over accept", plan: acts("accept", "tempfail later"), refused: "tempfail"},
		{name: "accept alone does not keep what is discarded", plan: acts("discard", "accept"), want: acts("discard", "accept")},

		{name: "a failed script does not undo a refusal", prior: acts("reject first"), failed: broken, want: nil, refused: "reject"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Settle(Plan{Actions: tt.plan, KeepFlags: tt.flags}, tt.failed, tt.prior, Limits{})
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("error is %v, want %v", err, tt.err)
			}
			if d := cmp.Diff(tt.want, got.Actions); d != "" {
				t.Errorf("actions (-want +got):\n%s", d)
			}
			refused := ""
			if got.Refused != nil {
				refused = string(got.Refused.Kind)
			}
			if refused != tt.refused {
				t.Errorf("refused is %q, want %q", refused, tt.refused)
			}
		})
	}
}

func TestSettleLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  []Action
		limit string
	}{
		{"redirects to three addresses are over two", acts("redirect a@b", "redirect c@d", "redirect e@f"), "redirects"},
		{"redirects to one address count once", acts("redirect a@b", "redirect a@B", "redirect c@d"), ""},
		{"a reply and two sends are over two", acts("reply x", "send notify sent", "send report sent"), "outgoing"},
		{"what must not be sent does not count", acts("send notify", "send report", "send notify"), ""},
		{"four actions are over three", acts("mark a", "mark b", "mark c", "mark d"), "actions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Settle(Plan{Actions: tt.plan}, nil, nil, Limits{Redirects: 2, Actions: 3, Outgoing: 2})
			limit := ""
			if le, ok := errors.AsType[*LimitError](err); ok {
				limit = le.Limit
			}
			if limit != tt.limit {
				t.Errorf("error is %v, want limit %q", err, tt.limit)
			}
		})
	}
}

func TestResultSettleTurnsConflictsIntoFailures(t *testing.T) {
	r := runTiny(t, "keep()\nreject(\"no\")", RunOptions{})
	s := r.Settle(nil, Limits{})
	if !errors.Is(r.Err, ErrConflict) || r.Record.Error == "" {
		t.Errorf("error is %v, record %q", r.Err, r.Record.Error)
	}
	if d := cmp.Diff(acts("keep implicit"), s.Actions); d != "" {
		t.Error(d)
	}
}

func TestNormalFlags(t *testing.T) {
	got := NormalFlags([]string{`\Seen $A`, `\seen`, "", `\Recent`, "bad(flag", "$B"})
	if d := cmp.Diff([]string{`\Seen`, "$A", "$B"}, got); d != "" {
		t.Error(d)
	}
	var many []string
	for i := range 200 {
		many = append(many, strings.Repeat("f", i+1))
	}
	if n := len(NormalFlags(many)); n != maxFlags {
		t.Errorf("%d flags, want %d", n, maxFlags)
	}
}

func TestWhatAnImplicitKeepStores(t *testing.T) {
	edit := Plan{KeepHeader: []byte("A: 1\r\n\r\n")}
	other := Plan{KeepRaw: []byte("B: 2\r\n\r\n")}
	keep := func(header, raw []byte) []Action {
		return []Action{{Kind: Keep, Implicit: true, Header: header, Raw: raw}}
	}
	for _, tt := range []struct {
		name   string
		plan   Plan
		failed error
		prior  []Action
		want   []Action
	}{
		{"what the script made of the message", edit, nil, nil, keep(edit.KeepHeader, nil)},
		{"the message as it came, after a failure", edit, errors.New("broken"), nil, keep(nil, nil)},
		{"what an earlier script made of it, after a failure", other, errors.New("broken"), keep(edit.KeepHeader, nil), keep(edit.KeepHeader, nil)},
		{"what an earlier script made of it", Plan{}, nil, keep(edit.KeepHeader, nil), keep(edit.KeepHeader, nil)},
		{"what the last script made of it", other, nil, keep(edit.KeepHeader, nil), keep(nil, other.KeepRaw)},
		{"the first of two stores into one mailbox", Plan{Actions: []Action{{Kind: Keep, Header: []byte("1")}, {Kind: FileInto, Mailbox: "inbox", Header: []byte("2")}}}, nil, nil,
			[]Action{{Kind: Keep, Header: []byte("1")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Settle(tt.plan, tt.failed, tt.prior, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.Actions); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
