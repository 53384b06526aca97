package runtime

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/kv"
)

// Lengths at which explanations cut, in characters.
const (
	maxShownValue = 80
	maxShownList  = 8 // elements
)

// Explain writes the record for people: whose script ran for what, the branches it took
// and the calls it made in their order, its plan, its result or error, and its time.
// sites are those of the program, for the places; nil: numbers instead.
func (r *Record) Explain(w io.Writer, sites []Site) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s (%s)", r.Script, r.Language)
	if v := r.View; v != nil {
		fmt.Fprintf(b, ", stage %s, from <%s> to <%s>", v.Stage, oneLine(v.From.Address), oneLine(v.Rcpt.Address))
		if v.Client.IP.IsValid() {
			fmt.Fprintf(b, ", client %s", v.Client.IP)
		}
	}
	fmt.Fprintln(b)
	hits := r.Hits
	shown := 0
	showHits := func(upTo int) {
		for shown < min(upTo, len(hits)) {
			n := 1
			for shown+n < min(upTo, len(hits)) && hits[shown+n] == hits[shown] {
				n++
			}
			writeHit(b, hits[shown], n, sites)
			shown += n
		}
	}
	for _, c := range r.Calls {
		showHits(c.Hits)
		if c.Function == "debug_log" && c.Error == "" {
			continue // what it said is among the notes
		}
		fmt.Fprintf(b, "    %s", callText(c.Function, c.Args))
		if c.Error != "" {
			fmt.Fprintf(b, "  error: %s\n", shorten(c.Error))
		} else {
			fmt.Fprintf(b, "  = %s\n", ValueText(maskResult(c.Function, c.Result)))
		}
	}
	showHits(len(hits))
	if r.Dropped > 0 {
		fmt.Fprintf(b, "    ... and %d more that were not recorded\n", r.Dropped)
	}
	for i, n := range r.Notes {
		if i == 0 {
			fmt.Fprintln(b, "notes:")
		}
		fmt.Fprintf(b, "    %s: %s\n", n.Kind, n.Text)
	}
	fmt.Fprintln(b, "plan, as the script asked:")
	for _, a := range r.Plan.Actions {
		fmt.Fprintf(b, "    %s\n", a)
	}
	if len(r.Plan.Actions) == 0 {
		fmt.Fprintln(b, "    nothing: the implicit keep stands")
	}
	if len(r.Plan.KeepFlags) > 0 {
		fmt.Fprintf(b, "    flags of the implicit keep: %s\n", strings.Join(r.Plan.KeepFlags, " "))
	}
	if r.Error != "" {
		fmt.Fprintf(b, "failed: %s\n", r.Error)
	} else if r.Value != nil {
		fmt.Fprintf(b, "result: %s\n", ValueText(r.Value))
	}
	fmt.Fprintf(b, "took %s\n", r.Took.Round(time.Microsecond))
	if err := b.Flush(); err != nil {
		return fmt.Errorf("runtime: explain: %w", err)
	}
	return nil
}

func writeHit(w io.Writer, h HitRecord, times int, sites []Site) {
	place, what := fmt.Sprintf("site %d", h.Site), ""
	if h.Site >= 0 && h.Site < len(sites) {
		s := sites[h.Site]
		place, what = fmt.Sprintf("%d:%d", s.Line, s.Col), s.What
		if s.File != "" {
			place = s.File + ":" + place
		}
	}
	if strings.HasPrefix(what, "call ") && h.Outcome != Failed {
		return // the call itself is a line, with arguments and result
	}
	fmt.Fprintf(w, "  %-8s %s", place, what)
	if h.Outcome != Reached {
		fmt.Fprintf(w, "  -> %s", h.Outcome)
	}
	if times > 1 {
		fmt.Fprintf(w, "  (%d times)", times)
	}
	fmt.Fprintln(w)
}

var outcomeNames = [...]string{"reached", "true", "false", "failed"}

// String returns reached, true, false or failed.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// String returns the action as people read it, on one line.
func (a Action) String() string {
	parts := []string{string(a.Kind)}
	if a.As != "" && a.Kind != Mark {
		parts = append(parts, a.As)
	}
	add := func(name, v string) {
		if v != "" {
			parts = append(parts, name+" "+v)
		}
	}
	quoted := func(s string) string {
		if s == "" {
			return ""
		}
		return shorten(strconv.Quote(s))
	}
	add("mailbox", quoted(a.Mailbox))
	add("mailbox id", quoted(a.MailboxID))
	add("special use", quoted(a.SpecialUse))
	add("to", quoted(strings.Join(a.Recipients(), ", ")))
	add("from", quoted(a.From))
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		add(name, quoted(a.Params[name]))
	}
	add("subject", quoted(a.Subject))
	if a.Kind == Reply {
		add("text", quoted(a.Reason))
	} else {
		add("reason", quoted(a.Reason))
	}
	if a.Kind == Mark {
		parts = append(parts, fmt.Sprintf("%s = %s", ValueText(a.Key), ValueText(a.Value)))
		add("in store", quoted(a.Store))
		if a.Prefix != 0 {
			add("under", a.Prefix.String())
		}
		if a.TTL > 0 {
			add("for", kv.FormatTTL(a.TTL))
		}
	}
	add("to program", quoted(a.Program))
	for _, arg := range a.Args {
		parts = append(parts, strconv.Quote(shorten(arg)))
	}
	add("flags", strings.Join(a.Flags, " "))
	if a.Create {
		parts = append(parts, "create")
	}
	if a.Copy {
		parts = append(parts, "copy")
	}
	if a.Try {
		parts = append(parts, "try")
	}
	if a.Implicit {
		parts = append(parts, "implicit")
	}
	switch {
	case a.Kind == Send || a.Kind == FileCopy:
		if len(a.Raw) > 0 {
			parts = append(parts, fmt.Sprintf("of %d octets", len(a.Raw)))
		}
	case len(a.Raw)+len(a.Header) > 0:
		parts = append(parts, "edited")
	}
	return strings.Join(parts, " ")
}

// callText shows a call.
func callText(name string, args []Value) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = ValueText(a)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// ValueText shows a value to people, as a literal where it is short and cut where it is
// long.
func ValueText(v Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if utf8.RuneCountInString(v) > maxShownValue {
			return strconv.Quote(string(firstRunes(v, maxShownValue))) + fmt.Sprintf("... (%d octets)", len(v))
		}
		return strconv.Quote(v)
	case []byte:
		if len(v) > maxShownValue/2 {
			return fmt.Sprintf("bytes %s... (%d octets)", hex.EncodeToString(v[:maxShownValue/2]), len(v))
		}
		return "bytes " + hex.EncodeToString(v)
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case []Value:
		var parts []string
		for i, e := range v {
			if i == maxShownList {
				parts = append(parts, fmt.Sprintf("... %d more", len(v)-i))
				break
			}
			parts = append(parts, ValueText(e))
		}
		return shorten("[" + strings.Join(parts, ", ") + "]")
	case map[string]Value:
		names := make([]string, 0, len(v))
		for k := range v {
			names = append(names, k)
		}
		slices.Sort(names)
		var parts []string
		for i, k := range names {
			if i == maxShownList {
				parts = append(parts, fmt.Sprintf("... %d more", len(v)-i))
				break
			}
			parts = append(parts, ValueText(k)+": "+ValueText(v[k]))
		}
		return shorten("{" + strings.Join(parts, ", ") + "}")
	}
	return fmt.Sprint(v)
}

// shorten cuts a text that is already fit to be shown.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= 3*maxShownValue {
		return s
	}
	return string(firstRunes(s, 3*maxShownValue)) + "..."
}
