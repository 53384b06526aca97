package runtime

import (
	"fmt"
	"strings"
	"unicode"
)

// Limits of the notes of one run. What is beyond them is dropped and counted.
const (
	maxNotes = 100
	maxNote  = 1 << 10 // octets
)

// NoteKinds are the kinds of notes: what the script wanted to be noted, and why something that it
// asked for could not be decided.
var NoteKinds = []string{"debug", "problem"}

// LogLevels are the levels of log, which are kinds of notes too.
var LogLevels = []string{"debug", "info", "warn", "error"}

// NoteRecord is a text that a run left for whoever looks for the faults of its script.
type NoteRecord struct {
	Kind string `json:"kind" cbor:"k"` // one of NoteKinds or LogLevels
	Text string `json:"text" cbor:"t"`
}

func init() {
	register(Function{
		Name:   "debug_log",
		Family: "record",
		Doc: "Notes a text in the record of the run, where `sluice explain` and `sluice run` show it; nothing else happens. " +
			"At most 100 notes a run are kept, and 1 KiB of each. Returns false where it was dropped.",
		Params: []Param{{Name: "text", Kind: String, Doc: "what is to be noted"},
			{Name: "kind", Kind: String, Optional: true, Default: "debug", Doc: "debug, or problem for what could not be decided"}},
		Result: Bool, Effect: Acts, Trust: User,
		Examples: []Example{{Code: `debug_log("here we are")`, Want: `true`}, {Code: `debug_log("no such list", "problem")`, Want: `true`}},
		Call: func(e *Env, a Args) (Value, error) {
			if !contains(NoteKinds, a.String(1)) {
				return nil, fmt.Errorf("debug_log: unknown kind %q; known are debug, problem", cut(a.String(1), 40))
			}
			return e.run.record.note(a.String(1), a.String(0)), nil
		},
	})
}

func init() {
	register(Function{
		Name:   "log",
		Family: "record",
		Doc: "Writes a line into the record of the run and, from the level info on, into the server's log, with the name of the script, the account and the id of the transaction. Line ends and other control characters become blanks. " +
			"At most 100 lines a run are kept, 1 KiB of each, and 20 go to the server's log; an error of a user's script is a warning there. A dry run and a replay write into their record only. Returns false where the line was dropped.",
		Params: []Param{{Name: "level", Kind: String, Doc: strings.Join(LogLevels, ", ")}, {Name: "text", Kind: String, Doc: "what is to be said"}},
		Result: Bool, Effect: Acts, Trust: User,
		Examples: []Example{{Code: `log("info", "score is 7")`, Want: `true`}, {Code: `log("warn", "two\r\nlines")`, Want: `true`}, {Code: `log("debug", "early")`, Want: `true`, Stage: StageConnect},
			{Code: `log("loud", "x")`, Error: `log: unknown level "loud"; known are debug, info, warn, error`}},
		Call: func(e *Env, a Args) (Value, error) {
			if !contains(LogLevels, a.String(0)) {
				return nil, fmt.Errorf("unknown level %q; known are %s", cut(a.String(0), 40), strings.Join(LogLevels, ", "))
			}
			return e.run.record.note(a.String(0), a.String(1)), nil
		},
	})
}

// note keeps a note at every level of recording.
func (r *Record) note(kind, text string) bool {
	if len(r.Notes) >= maxNotes {
		r.Dropped++
		return false
	}
	r.Notes = append(r.Notes, NoteRecord{Kind: kind, Text: oneNote(text)})
	return true
}

// oneNote returns text as a record keeps it: on one line, and not too long.
func oneNote(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(cut(text, maxNote), "\uFFFD"))
}
