package runtime

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

// asker is a program that asks for actions.
type asker struct{ actions []Action }

func (asker) Language() string { return "test" }
func (asker) Name() string     { return "asker" }
func (asker) Sites() []Site    { return nil }
func (p asker) Run(t *Task) (Value, error) {
	for i := range p.actions {
		if err := t.Ask(&p.actions[i]); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// TestAskDoesWhatACallDoes runs each action with a record of its calls, where it is a call, and
// without, where it is not: plan and error are the same.
func TestAskDoesWhatACallDoes(t *testing.T) {
	many := make([]Action, 40)
	for i := range many {
		many[i] = Action{Kind: Discard}
	}
	for _, tt := range []struct {
		name    string
		actions []Action
		stage   Stage
	}{
		{"keep", []Action{{Kind: Keep}}, StageDeliver},
		{"keep with flags", []Action{{Kind: Keep, Flags: []string{`\Seen $a`, "$A", "$b"}}}, StageDeliver},
		{"keep with what is no flag", []Action{{Kind: Keep, Flags: []string{"("}}}, StageDeliver},
		{"fileinto", []Action{{Kind: FileInto, Mailbox: "A/b"}}, StageDeliver},
		{"fileinto with all that it takes", []Action{{Kind: FileInto, Mailbox: "A", Flags: []string{"$x"}, Create: true, Copy: true}}, StageDeliver},
		{"fileinto with what is no flag", []Action{{Kind: FileInto, Mailbox: "A", Flags: []string{"$x", "%"}}}, StageDeliver},
		{"fileinto nowhere", []Action{{Kind: FileInto}}, StageDeliver},
		{"fileinto to a name that cannot be", []Action{{Kind: FileInto, Mailbox: "a\x00"}}, StageDeliver},
		{"fields that a function does not set", []Action{{Kind: Discard, Address: "a@b.example", Copy: true}}, StageDeliver},
		{"redirect", []Action{{Kind: Redirect, Address: "a@b.example", Copy: true}}, StageDeliver},
		{"redirect to nobody", []Action{{Kind: Redirect, Address: "nobody"}}, StageDeliver},
		{"reject with a long reason", []Action{{Kind: Reject, Reason: strings.Repeat("ä", 8<<10)}}, StageDeliver},
		{"ereject", []Action{{Kind: EReject, Reason: "no"}}, StageDeliver},
		{"an action too many", many, StageDeliver},
		{"not lawful at the stage", []Action{{Kind: FileInto, Mailbox: "A"}}, StageRcpt},
		{"nothing that a function asks for", []Action{{Kind: Send}}, StageDeliver},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(level Level) (*Result, string) {
				tx := &Transaction{ID: "1", Stage: tt.stage, Message: mail.New([]byte("Subject: x\r\n\r\n"))}
				res := NewEngine().Run(context.Background(), asker{tt.actions}, tx, RunOptions{Record: level, Seed: 1})
				if res.Err != nil {
					return res, res.Err.Error()
				}
				return res, ""
			}
			called, wantErr := run(RecordCalls)
			asked, gotErr := run(RecordSummary)
			if diff := cmp.Diff(called.Plan, asked.Plan); diff != "" {
				t.Errorf("-called +asked:\n%s", diff)
			}
			if wantErr != gotErr {
				t.Errorf("called: %s\nasked: %s", wantErr, gotErr)
			}
			if n := len(called.Record.Calls); tt.actions[0].Kind != Send && n == 0 {
				t.Error("the calls are not in the record")
			}
		})
	}
}
