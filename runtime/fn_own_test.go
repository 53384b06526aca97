package runtime

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
)

type composing struct{ f func(*Task) error }

func (composing) Language() string             { return "go" }
func (composing) Name() string                 { return "t" }
func (composing) Sites() []Site                { return nil }
func (composing) Composes()                    {}
func (c composing) Run(t *Task) (Value, error) { return nil, c.f(t) }

type naming struct{ composing }

func (naming) Composes(int) {} // not the interface's

func runOwn(t *testing.T, p Program, o RunOptions) *Result {
	t.Helper()
	tx := &Transaction{ID: "1", Stage: StageDeliver, Time: time.Unix(0, 0)}
	tx.Rcpt.Address, tx.Rcpt.Account = "anna@example.org", "id-anna"
	return NewEngine().Run(t.Context(), p, tx, o)
}

func TestActionsOfComposers(t *testing.T) {
	whole := Action{Kind: Send, As: AsNotify, Address: "a@b.org", Others: []string{"c@d.org"}, Raw: []byte("x"), From: NullSender,
		Params: map[string]string{"NOTIFY": "NEVER"}, Subject: "s", Reason: "r"}
	for _, tt := range []struct {
		name string
		in   Action
		want Action
		err  string
	}{
		{name: "a send goes to the plan as it is", in: whole, want: whole},
		{name: "a store with all that it can have", in: Action{Kind: FileInto, Mailbox: "A", Create: true, Copy: true, Flags: []string{`\Seen $A`, "(", `\seen`}, SpecialUse: `\Junk`, MailboxID: "1", Header: []byte("h")},
			want: Action{Kind: FileInto, Mailbox: "A", Create: true, Copy: true, Flags: []string{`\Seen`, "$A"}, SpecialUse: `\Junk`, MailboxID: "1", Header: []byte("h")}},
		{name: "nobody claims to be implicit", in: Action{Kind: Keep, Implicit: true}, want: Action{Kind: Keep}},
		{name: "what must not be sent goes nowhere", in: Action{Kind: Send, As: AsVacation, Address: "a@b.org", Reason: "no"}, want: Action{Kind: Send, As: AsVacation, Reason: "no"}},
		{name: "a mark is refused", in: Action{Kind: Mark, Key: "k"}, err: `"mark" is no such action`},
		{name: "a reject is refused", in: Action{Kind: Reject}, err: `"reject" is no such action`},
		{name: "a bad address", in: Action{Kind: Redirect, Address: "a@b\r\nX"}, err: "redirect: "},
		{name: "a bad further address", in: Action{Kind: Send, Address: "a@b", Others: []string{"no"}, Raw: []byte("x")}, err: "send: "},
		{name: "a bad sender", in: Action{Kind: Send, Address: "a@b", From: "no", Raw: []byte("x")}, err: "send: "},
		{name: "an unknown parameter", in: Action{Kind: Redirect, Address: "a@b", Params: map[string]string{"SIZE": "1"}}, err: `unknown parameter "SIZE"`},
		{name: "a parameter that ends its line", in: Action{Kind: Redirect, Address: "a@b", Params: map[string]string{"ENVID": "a\r\n"}}, err: "parameter ENVID"},
		{name: "a mailbox without a name", in: Action{Kind: FileInto}, err: "mailbox name is empty"},
		{name: "a copy of nothing", in: Action{Kind: FileCopy, Mailbox: "A"}, err: "no message to file"},
		{name: "a send as something else", in: Action{Kind: Send, As: "spam", Address: "a@b", Raw: []byte("x")}, err: `"spam" is nothing that is sent`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := runOwn(t, composing{func(t *Task) error { return t.Act(tt.in) }}, RunOptions{})
			if tt.err != "" {
				if r.Err == nil || !strings.Contains(r.Err.Error(), tt.err) {
					t.Fatalf("error is %v, want %s", r.Err, tt.err)
				}
				return
			}
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if d := cmp.Diff([]Action{tt.want}, r.Plan.Actions); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestScriptsCannotNameWhatComposersDo(t *testing.T) {
	for name := range own {
		if Lookup(name) != nil {
			t.Errorf("%s is in the table", name)
		}
	}
	r := runTiny(t, `act({"action": "send"})`, RunOptions{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "unknown function") {
		t.Errorf("error is %v", r.Err)
	}
	r = runOwn(t, naming{composing{func(t *Task) error { return t.Act(Action{Kind: Keep}) }}}, RunOptions{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "unknown function") {
		t.Errorf("error is %v", r.Err)
	}
}

func TestMessagesInAPlanAreBounded(t *testing.T) {
	raw := make([]byte, 600)
	p := composing{func(t *Task) error {
		if err := t.EditKeep(nil, raw); err != nil {
			return err
		}
		if err := t.EditKeep(raw, nil); err != nil { // in its place
			return err
		}
		return t.Act(Action{Kind: Keep, Raw: raw})
	}}
	r := runOwn(t, p, RunOptions{Limits: Limits{Memory: 1000}})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "memory limit") {
		t.Errorf("error is %v", r.Err)
	}
}

func TestWhatIsRememberedIsTheAccounts(t *testing.T) {
	s := newSession(t)
	store, err := s.host.Stores("")
	if err != nil {
		t.Fatal(err)
	}
	r := runOwn(t, composing{func(t *Task) error {
		_, err := t.Invoke("remember", "vacation", "k", "7d")
		if err == nil {
			_, err = t.Invoke("remember", "vacation", "k", "9d") // in its place
		}
		return err
	}}, RunOptions{Host: s.host})
	if r.Err != nil || len(r.Plan.Actions) != 1 {
		t.Fatalf("%v, plan %v", r.Err, r.Plan.Actions)
	}
	m := r.Plan.Actions[0]
	if m.Prefix != kv.SieveVacation || m.TTL != 9*24*time.Hour || m.As != AsVacation || !strings.HasPrefix(m.Key, "id-anna\x00") {
		t.Errorf("mark %+v", m)
	}
	known := func(what, key, account string) Value {
		tx := &Transaction{ID: "1", Stage: StageDeliver}
		tx.Rcpt.Account = account
		var v Value
		r := NewEngine().Run(t.Context(), composing{func(t *Task) (err error) { v, err = t.Invoke("remembered", what, key); return err }}, tx, RunOptions{Host: s.host, Now: s.c.now})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return v
	}
	if known("vacation", "k", "id-anna") != false {
		t.Error("it is remembered before the mail is settled")
	}
	if err := store.Set(t.Context(), MemoryKey(m.Prefix, m.Key), []byte{0xf5}, m.TTL); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what, key, account string
		want               bool
	}{{"vacation", "k", "id-anna", true}, {"vacation", "k", "id-bert", false}, {"duplicate", "k", "id-anna", false}, {"vacation", "l", "id-anna", false}} {
		if got := known(tt.what, tt.key, tt.account); got != tt.want {
			t.Errorf("%v is %v", tt, got)
		}
	}
	s.c.advance(10 * 24 * time.Hour)
	if known("vacation", "k", "id-anna") != false {
		t.Error("it is remembered after its time")
	}
}
