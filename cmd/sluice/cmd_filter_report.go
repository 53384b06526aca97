package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

// filterLine is a message as --json prints it.
type filterLine struct {
	ID         int             `json:"id"` // from 1, in the order of the mailbox
	File       string          `json:"file"`
	FileOctets []byte          `json:"file_octets,omitempty"` // base64, where the name is no UTF-8
	MessageID  string          `json:"message_id"`
	Subject    string          `json:"subject"`
	From       string          `json:"from"` // envelope
	To         string          `json:"to"`
	Decisions  []string        `json:"decisions"`
	Plan       json.RawMessage `json:"plan"`
	Changes    bool            `json:"changes"`
	NotDone    []string        `json:"not_done,omitempty"`
	Error      *filterError    `json:"error,omitempty"`
}

// filterError is what is wrong with a message, or with the script's run on it.
type filterError struct {
	Kind string `json:"kind"` // script, message
	Text string `json:"text"`
	Line int    `json:"line,omitempty"` // of the script
	Col  int    `json:"col,omitempty"`
}

var scriptPlace = regexp.MustCompile(`:(\d+):(\d+): `)

// errorOf returns what is wrong with a message, nil if nothing is.
func errorOf(r *filtered) *filterError {
	switch {
	case r.failed != nil:
		e := &filterError{Kind: "script", Text: r.failed.Error()}
		if m := scriptPlace.FindStringSubmatch(e.Text); m != nil {
			e.Line, _ = strconv.Atoi(m[1])
			e.Col, _ = strconv.Atoi(m[2])
		}
		return e
	case r.problem != nil:
		return &filterError{Kind: "message", Text: r.problem.Error()}
	}
	return nil
}

// line returns the JSON line of a message.
func (f *filterRun) line(r *filtered) ([]byte, error) {
	label := f.source.Label(r.index)
	out := filterLine{
		ID: r.index + 1, File: strings.ToValidUTF8(label, "\uFFFD"), MessageID: r.id, Subject: r.title,
		From: r.sender, To: r.rcpt, Decisions: decisions(r), Changes: r.changes, NotDone: r.notDone, Error: errorOf(r),
	}
	if !utf8.ValidString(label) {
		out.FileOctets = []byte(label)
	}
	plan, err := runtime.PlanJSON(r.plan)
	if err != nil {
		return nil, err
	}
	out.Plan = plan
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(out)
	return b.Bytes(), err
}

// decisions are the actions of a message, for people.
func decisions(r *filtered) []string {
	out := []string{}
	if r.plan.Refused != nil {
		out = append(out, r.plan.Refused.String())
	}
	for _, a := range r.plan.Actions {
		out = append(out, a.String())
	}
	return out
}

// tally counts what became of the messages.
type tally struct {
	messages, changes, errors, scriptErrors int
	actions                                 map[string]int
	notDone                                 map[string]int
}

func newTally() *tally { return &tally{actions: map[string]int{}, notDone: map[string]int{}} }

// add counts a message.
func (t *tally) add(r *filtered) {
	t.messages++
	if r.changes {
		t.changes++
	}
	switch {
	case r.failed != nil:
		t.scriptErrors++
		return
	case r.problem != nil:
		t.errors++
	}
	if a := r.plan.Refused; a != nil {
		t.actions[actionName(a)]++
	}
	for i := range r.plan.Actions {
		t.actions[actionName(&r.plan.Actions[i])]++
	}
	for _, n := range r.notDone {
		what, why, _ := strings.Cut(n, ": ")
		what, _, _ = strings.Cut(what, " to ")
		t.notDone[what+" ("+why+")"]++
	}
}

// actionName is the word under which an action is counted.
func actionName(a *runtime.Action) string {
	name := string(a.Kind)
	switch a.Kind {
	case runtime.FileInto, runtime.FileCopy, runtime.Quarantine:
		return name + " " + shown(cmp.Or(a.Mailbox, a.SpecialUse, a.MailboxID))
	case runtime.Redirect:
		return name + " " + shown(a.Address)
	case runtime.Send:
		return cmp.Or(a.As, name)
	}
	return name
}

// shown returns a text of somebody else as it can go to a terminal.
func shown(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// write prints the summary.
func (t *tally) write(w io.Writer, applied bool, mailbox string) {
	b := bufio.NewWriter(w)
	defer b.Flush()
	fmt.Fprintf(b, "%s: %s\n", shown(mailbox), count(t.messages, "message"))
	type line struct {
		what string
		n    int
	}
	lines := make([]line, 0, len(t.actions))
	for what, n := range t.actions {
		lines = append(lines, line{what, n})
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(b.n-a.n, strings.Compare(a.what, b.what)) })
	const most = 100
	for i, l := range lines {
		if i == most {
			fmt.Fprintf(b, "  ... and %d other actions\n", len(lines)-most)
			break
		}
		fmt.Fprintf(b, "  %7d  %s\n", l.n, l.what)
	}
	for i, what := range slices.Sorted(maps.Keys(t.notDone)) {
		if i == most {
			break
		}
		fmt.Fprintf(b, "  %7d  not done: %s\n", t.notDone[what], what)
	}
	if t.scriptErrors > 0 {
		fmt.Fprintf(b, "  %7d  errors of the script\n", t.scriptErrors)
	}
	if t.errors > 0 {
		fmt.Fprintf(b, "  %7d  errors of messages\n", t.errors)
	}
	verb := "would change"
	if applied {
		verb = "changed"
	}
	fmt.Fprintf(b, "%s %s, %s\n", count(t.changes, "message"), verb, count(t.errors+t.scriptErrors, "error"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// failures says whether anything was wrong.
func (t *tally) failures() error {
	if n := t.errors + t.scriptErrors; n > 0 {
		return &exitError{exitFailed, errors.New(count(n, "error"))}
	}
	return nil
}
