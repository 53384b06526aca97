package gateway

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
)

// act returns a script that asks for actions.
func act(all ...runtime.Action) func(*runtime.Task) error {
	return func(t *runtime.Task) error {
		for _, a := range all {
			if err := t.Act(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// memory is a store that knows the marks of a world.
type memory struct {
	marks
	get int
}

func (m *memory) Get(_ context.Context, k kv.Key) (kv.Value, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.get++
	if _, ok := m.w.marks[strings.ReplaceAll(k.Name, "\x00", "/")]; !ok {
		return kv.Value{}, kv.ErrNotFound
	}
	return kv.Value{Bytes: []byte{0xf5}}, nil
}

func remembering(w *world) func(*Options) {
	return func(o *Options) {
		o.Stores = func(string) (kv.Store, error) { return &memory{marks: marks{w: w}}, nil }
	}
}

func TestARedirectOfTheSameMessageIsKeptTheSecondTime(t *testing.T) {
	w := newWorld()
	p := startWith(t, w, t.TempDir(), funcs{"redirect": call("redirect", "eve@remote.example")}, remembering(w), script("redirect"))
	const list = "List-ID: <l.example>\r\n"
	give := func(raw string) { p.give(t, raw, "a@remote.example", "anna@example.org") }
	give("Message-ID: <1@x>\r\n" + plain)
	give("Message-ID: <1@x>\r\n" + plain + "again")
	give(list + "Message-ID: <1@x>\r\n" + plain)
	give("Resent-Message-ID: <r@x>\r\nMessage-ID: <1@x>\r\n" + plain)
	give("Message-ID: <2@x>\r\n" + plain)
	give(plain)
	give(plain + "once more, without an id")
	p.give(t, "Message-ID: <1@x>\r\n"+plain, "a@remote.example", "bert@example.org")
	if n := len(w.outgoing()); n != 7 {
		t.Errorf("%d redirects, want 7", n)
	}
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	for key, ttl := range w.marks {
		if !strings.HasPrefix(key, "id-") || ttl > 12*time.Hour || ttl < 11*time.Hour {
			t.Errorf("mark %s for %s", key, ttl)
		}
	}
}

func TestWhatARunHasComposedIsSentAndFiledAsItIs(t *testing.T) {
	w := newWorld()
	w.mailboxes["id-anna"] = []string{"Sent"}
	composed := []byte("Subject: away\r\n\r\nbye\r\n")
	p := start(t, w, t.TempDir(), funcs{"s": act(
		runtime.Action{Kind: runtime.Send, As: runtime.AsVacation, Address: "a@remote.example", Raw: composed},
		runtime.Action{Kind: runtime.FileCopy, As: runtime.AsVacation, Mailbox: "Sent", Flags: []string{`\Seen`}, Raw: composed},
		runtime.Action{Kind: runtime.FileCopy, As: runtime.AsVacation, Mailbox: "Missing", Raw: composed},
		runtime.Action{Kind: runtime.Send, As: runtime.AsNotify, Address: "x@y.example", Others: []string{"z@y.example"}, From: "anna@example.org",
			Raw: composed, Params: map[string]string{"NOTIFY": "NEVER"}},
		runtime.Action{Kind: runtime.Send, As: runtime.AsReport, Reason: "must not be sent"},
	)}, script("s"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if diff := cmp.Diff([]string{"id-anna:INBOX", "id-anna:Sent $seen"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	want := []Outgoing{
		{To: "a@remote.example", Raw: composed},
		{From: "anna@example.org", To: "x@y.example", Others: []string{"z@y.example"}, Raw: composed, Params: map[string]string{"NOTIFY": "NEVER"}},
	}
	got := w.outgoing()
	for i := range got {
		got[i].Key = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, s := range w.stored {
		if s.path == "Sent" && s.raw != string(composed) {
			t.Errorf("the copy is %q", s.raw)
		}
	}
}

func TestEditedMessagesAreStoredAndSentOn(t *testing.T) {
	w := newWorld()
	w.mailboxes["id-anna"] = []string{"A", "B"}
	p := start(t, w, t.TempDir(), funcs{"s": both(act(
		runtime.Action{Kind: runtime.FileInto, Mailbox: "A", Copy: true, Header: []byte("Subject: new\r\n\r\n")},
		runtime.Action{Kind: runtime.FileInto, Mailbox: "B", Copy: true, Raw: []byte("Subject: other\r\n\r\nwhole\r\n")},
		runtime.Action{Kind: runtime.Redirect, Address: "eve@remote.example", Copy: true, Header: []byte("Message-ID: <1@x>\r\n\r\n"), From: runtime.NullSender, By: "main@example.org"},
	), func(t *runtime.Task) error { return t.EditKeep([]byte("X-Kept: 1\r\n\r\n"), nil) })}, script("s"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	got := map[string]string{}
	for _, s := range w.stored {
		got[s.path] = s.raw
	}
	want := map[string]string{
		"A":     "Return-Path: <a@remote.example>\r\nSubject: new\r\n\r\nhello\r\n",
		"B":     "Return-Path: <a@remote.example>\r\nSubject: other\r\n\r\nwhole\r\n",
		"INBOX": "Return-Path: <a@remote.example>\r\nX-Kept: 1\r\n\r\nhello\r\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	sent := w.outgoing()[0]
	if sent.From != "" || string(sent.Raw) != "X-Sieve-Redirected-From: main@example.org\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n" {
		t.Errorf("sent %+v", sent)
	}
}

func TestAFailedScriptKeepsTheUneditedMessage(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"s": both(
		func(t *runtime.Task) error { return t.EditKeep([]byte("X-Kept: 1\r\n\r\n"), nil) }, act(runtime.Action{Kind: "nonsense"}))}, script("s"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if len(w.stored) != 1 || w.stored[0].raw != "Return-Path: <a@remote.example>\r\n"+plain {
		t.Errorf("stored %+v", w.stored)
	}
}

func TestTheNextScriptSeesWhatTheOneBeforeHasEdited(t *testing.T) {
	w := newWorld()
	var seen []string
	edit := func(field string) func(*runtime.Task) error {
		return func(t *runtime.Task) error {
			have := t.View().EditedHeader
			seen = append(seen, string(have))
			return t.EditKeep(append([]byte(field+"\r\n"), have...), nil)
		}
	}
	p := start(t, w, t.TempDir(), funcs{"one": edit("X-1: a\r\n"), "two": edit("X-2: b")}, script("one"), script("two"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if diff := cmp.Diff([]string{"", "X-1: a\r\n\r\n"}, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if len(w.stored) != 1 || w.stored[0].raw != "Return-Path: <a@remote.example>\r\nX-2: b\r\nX-1: a\r\n\r\nhello\r\n" {
		t.Errorf("stored %+v", w.stored)
	}
}

func TestMailboxesByIDAndSpecialUse(t *testing.T) {
	boxes := mailboxes{{ID: "1", Path: "INBOX", Role: "inbox"}, {ID: "2", Path: "Spam", Role: "junk"}, {ID: "3", Path: "Work"}}
	into := func(box, use, id string) runtime.Action {
		return runtime.Action{Kind: runtime.FileInto, Mailbox: box, SpecialUse: use, MailboxID: id}
	}
	for _, tt := range []struct {
		name  string
		in    runtime.Action
		there bool
		want  runtime.Action
	}{
		{"the special use goes before the name", into("Work", `\Junk`, ""), true, into("Spam", "", "")},
		{"the id goes before both", into("Nowhere", `\Junk`, "3"), true, into("Work", "", "")},
		{"the name where neither is there", into("Work", `\Archive`, "9"), true, into("Work", `\Archive`, "")},
		{"nothing is there", into("Nowhere", `\Archive`, ""), false, into("Nowhere", `\Archive`, "")},
		{"the inbox by its id is a keep", into("Nowhere", "", "1"), true, runtime.Action{Kind: runtime.Keep}},
	} {
		a := tt.in
		if there := boxes.resolve(&a); there != tt.there {
			t.Errorf("%s: there is %t", tt.name, there)
		}
		if diff := cmp.Diff(tt.want, a); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTwoNamesOfOneMailboxAreOneStore(t *testing.T) {
	w := newWorld()
	w.mailboxes["id-anna"] = []string{"Junk"}
	p := start(t, w, t.TempDir(), funcs{"s": act(
		runtime.Action{Kind: runtime.FileInto, Mailbox: "Junk", Flags: []string{"$A"}},
		runtime.Action{Kind: runtime.FileInto, Mailbox: "Junk", SpecialUse: `\Nothing`, Flags: []string{"$B"}},
	)}, script("s"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if diff := cmp.Diff([]string{"id-anna:Junk $A $B"}, w.in()); diff != "" {
		t.Error(diff)
	}
}

// A delivery is broken off at each of its steps, and goes on: what leaves and what is filed is
// there once, with the same octets.
func TestComposedMailSurvivesACrashAtEachStep(t *testing.T) {
	composed := []byte("Subject: away\r\n\r\nbye\r\n")
	language := funcs{"s": both(act(
		runtime.Action{Kind: runtime.Send, As: runtime.AsVacation, Address: "a@remote.example", Raw: composed},
		runtime.Action{Kind: runtime.FileCopy, As: runtime.AsVacation, Mailbox: "Sent", Create: true, Raw: composed},
		runtime.Action{Kind: runtime.Redirect, Address: "eve@remote.example", Copy: true},
		runtime.Action{Kind: runtime.Keep, Header: []byte("X: 1\r\n\r\n")},
	), call("remember", "vacation", "a@remote.example", "7d"))}
	for at := 1; ; at++ {
		w, dir := newWorld(), t.TempDir()
		p := startWith(t, w, dir, language, remembering(w), script("s"))
		w.dieAt = at
		p.give(t, "Message-ID: <1@x>\r\n"+plain, "a@remote.example", "anna@example.org")
		died := w.dead
		promised := slices.ContainsFunc(slices.Collect(p.journal.All()), func(*runtime.Delivery) bool { return true }) || !died
		w.revive()
		p.journal.Close()
		again := startWith(t, w, dir, language, remembering(w), script("s"))
		again.Recover(t.Context())
		if promised {
			checkOnce(t, at, w, composed)
		}
		if !died {
			break
		}
	}
}

func checkOnce(t *testing.T, at int, w *world, composed []byte) {
	t.Helper()
	if diff := cmp.Diff([]string{"id-anna:INBOX", "id-anna:Sent"}, w.in()); diff != "" {
		t.Errorf("step %d: stored (-want +got):\n%s", at, diff)
	}
	sent := w.outgoing()
	if len(sent) != 2 || string(sent[0].Raw) != string(composed) || !strings.HasPrefix(string(sent[1].Raw), runtime.RedirectedField) {
		t.Errorf("step %d: sent %+v", at, sent)
	}
	if len(w.marks) != 2 {
		t.Errorf("step %d: marks %v", at, w.marks)
	}
}

func TestNotificationsOfRefusedMailAreSent(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"s": both(act(
		runtime.Action{Kind: runtime.Send, As: runtime.AsNotify, Address: "x@y.example", Raw: []byte("Subject: n\r\n\r\n")}), call("reject", "no"))}, script("s"))
	a := p.give(t, plain, "a@remote.example", "anna@example.org")
	if codes(a) != "550" || len(w.outgoing()) != 1 || len(w.stored) != 0 {
		t.Errorf("answer %s, sent %v, stored %v", codes(a), w.outgoing(), w.stored)
	}
}

func TestByCountsFromTheDelivery(t *testing.T) {
	now := time.Unix(1000, 0)
	in := &Intake{o: Options{Now: func() time.Time { return now }}}
	tg := in.target(&runtime.Delivery{Time: now.Add(-90 * time.Second)})
	for have, want := range map[string]string{"120;RT": "30;RT", "60;N": "-30;N", "x": "x"} {
		if got := tg.params(runtime.Action{Params: map[string]string{"BY": have}})["BY"]; got != want {
			t.Errorf("%s is %s, want %s", have, got, want)
		}
	}
}

// What is kept of runs is bounded by the messages that they composed, too.
func TestRecordsOfComposedMailAreBounded(t *testing.T) {
	var r ring
	raw := make([]byte, 10<<20)
	for range 10 {
		r.add(Recorded{Record: &runtime.Record{Plan: runtime.Plan{Actions: []runtime.Action{{Kind: runtime.Send, Raw: raw}}}}})
	}
	if len(r.all) != 3 {
		t.Errorf("%d records are kept", len(r.all))
	}
}
