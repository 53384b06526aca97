package gateway

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// at returns a script for everybody at a stage.
func at(stage, name string) scripts.Source {
	return scripts.Source{Path: name + ".go", Code: []byte(name), Stage: stage, Trust: "admin"}
}

var actionScripts = funcs{
	"quarantine": call("quarantine", "a virus"),
	"keepfirst":  both(call("fileinto", "Archive", map[string]runtime.Value{"copy": true, "create": true}), call("quarantine", "a virus"), call("keep")),
	"accept":     call("accept"),
	"reject":     call("reject", "no"),
	"both":       both(call("accept"), call("reject", "no")),
	"edit":       call("header_add", "X-Seen", "data"),
	"file":       call("fileinto", "Lists", map[string]runtime.Value{"create": true}),
	"flag":       call("flag_add", "$Label"),
	"notify":     call("notify", "mailto:ops@example.org", "look"),
	"talk":       both(call("log", "info", "hello\r\nworld"), call("log", "error", "ouch"), call("log", "debug", "quiet"), call("debug_log", "hidden")),
	"chatter": func(t *runtime.Task) error {
		for range 30 {
			if _, err := t.Invoke("log", "info", "again"); err != nil {
				return err
			}
		}
		return nil
	},
}

func TestActionsOfScriptsAreCarriedOut(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scripts []scripts.Source
		answer  string
		stored  []string
	}{
		{"quarantined at delivery", []scripts.Source{at("deliver", "quarantine")}, "250", []string{"id-anna:Held"}},
		{"quarantined, with a copy elsewhere and no keep", []scripts.Source{at("deliver", "keepfirst")}, "250", []string{"id-anna:Archive", "id-anna:Held"}},
		{"quarantined at data: no other script gets it", []scripts.Source{at("data", "quarantine"), at("deliver", "file")}, "250", []string{"id-anna:Held"}},
		{"a reject behind a quarantine is too late", []scripts.Source{at("deliver", "quarantine"), at("deliver", "reject")}, "250", []string{"id-anna:Held"}},
		{"accept at rcpt hides the next script of the stage", []scripts.Source{at("rcpt", "accept"), at("rcpt", "reject")}, "250", []string{"id-anna:INBOX"}},
		{"accept at data hides the next one, not delivery", []scripts.Source{at("data", "accept"), at("data", "reject"), at("deliver", "file")}, "250", []string{"id-anna:Lists"}},
		{"accept at delivery ends the chain", []scripts.Source{at("deliver", "accept"), at("deliver", "file")}, "250", []string{"id-anna:INBOX"}},
		{"accept and reject are a conflict", []scripts.Source{at("deliver", "both")}, "250", []string{"id-anna:INBOX"}},
		{"flags of an earlier script", []scripts.Source{at("deliver", "flag"), at("deliver", "file")}, "250", []string{"id-anna:Lists $Label"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			p := startWith(t, w, t.TempDir(), actionScripts, func(o *Options) {
				o.Settings = func() *runtime.MailSettings { return &runtime.MailSettings{Quarantine: "Held"} }
			}, tt.scripts...)
			if got := codes(p.give(t, plain, "a@remote.example", "anna@example.org")); got != tt.answer {
				t.Errorf("answer %s, want %s", got, tt.answer)
			}
			if diff := cmp.Diff(tt.stored, w.in()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

// An edit of a data script is in what a deliver script stores.
func TestEditsGoFromStageToStage(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), actionScripts, at("data", "edit"), at("deliver", "file"), at("deliver", "notify"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if len(w.stored) != 1 || !strings.Contains(w.stored[0].raw, "X-Seen: data\r\n") {
		t.Errorf("%+v", w.stored)
	}
	if len(w.outgoing()) != 0 {
		t.Error("the chain went on behind a store")
	}
	w = newWorld()
	p = start(t, w, t.TempDir(), actionScripts, at("deliver", "notify"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if out := w.outgoing(); len(out) != 1 || out[0].To != "ops@example.org" || !strings.Contains(string(out[0].Raw), "Auto-Submitted: auto-notified") {
		t.Errorf("%+v", out)
	}
}

// Quarantined mail is stored once, whenever the process dies.
func TestQuarantineSurvivesCrashes(t *testing.T) {
	for dieAt := 1; ; dieAt++ {
		w, dir := newWorld(), t.TempDir()
		w.dieAt = dieAt
		p := start(t, w, dir, actionScripts, at("deliver", "quarantine"))
		took := codes(p.give(t, plain, "a@remote.example", "anna@example.org"))
		died := w.dead
		p.journal.Close()
		w.revive()
		again := start(t, w, dir, actionScripts, at("deliver", "quarantine"))
		again.Recover(t.Context())
		for d := range again.journal.All() {
			again.apply(t.Context(), d)
		}
		again.journal.Close()
		if got := w.in(); took == "250" && !slices.Equal(got, []string{"id-anna:Quarantine"}) {
			t.Errorf("died at %d: stored %v", dieAt, got)
		}
		if !died {
			return
		}
	}
}

func TestScriptsSpeakInTheLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, tt := range []struct {
		source scripts.Source
		want   []string
	}{
		{at("deliver", "talk"), []string{`level=INFO msg="script: hello  world" script=talk.go language=go stage=deliver account=anna`, `level=ERROR msg="script: ouch"`}},
		{scripts.Source{Path: "talk.go", Code: []byte("talk"), Trust: "user"}, []string{`level=INFO msg="script: hello  world"`, `level=WARN msg="script: ouch"`}},
	} {
		b.Reset()
		p := startWith(t, newWorld(), t.TempDir(), actionScripts, func(o *Options) { o.Logger = log }, tt.source)
		p.give(t, plain, "a@remote.example", "anna@example.org")
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %s in\n%s", want, b.String())
			}
		}
		if strings.Contains(b.String(), "quiet") || strings.Contains(b.String(), "hidden") {
			t.Errorf("the log has what is for the record alone:\n%s", b.String())
		}
	}
	b.Reset()
	p := startWith(t, newWorld(), t.TempDir(), actionScripts, func(o *Options) { o.Logger = log }, at("deliver", "chatter"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if n := strings.Count(b.String(), `msg="script: again"`); n != maxSaid {
		t.Errorf("%d lines, want %d", n, maxSaid)
	}
}
