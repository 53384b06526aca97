package runtime

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Reference returns the function table as the page that users read, in Markdown.
func Reference() []byte { return ReferenceOf(Functions()) }

// ReferenceOf returns the page of some functions.
func ReferenceOf(list []*Function) []byte {
	var b bytes.Buffer
	b.WriteString("# Functions\n\n" +
		"Made from the function table by `go test ./runtime -run Reference -update`; do not edit it by hand.\n\n" +
		"All functions may be called from Sieve (`let`, `eval`), expr and JavaScript, under the same names and with the " +
		"same results. `null` is `\"\"` in Sieve. A function takes the place of a builtin of the same name that a language has.\n")
	var families []string
	for _, f := range list {
		if !contains(families, f.Family) {
			families = append(families, f.Family)
		}
	}
	slices.Sort(families)
	for _, family := range families {
		fmt.Fprintf(&b, "\n- %s:", family)
		for _, f := range list {
			if f.Family == family {
				fmt.Fprintf(&b, " [`%s`](#%s)", f.Name, f.Name)
			}
		}
	}
	b.WriteByte('\n')
	for _, f := range list {
		f.describe(&b)
	}
	return b.Bytes()
}

func (f *Function) describe(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n`%s`\n\n%s\n", f.Name, f.Signature(), f.Doc)
	if len(f.Params) > 0 {
		b.WriteByte('\n')
	}
	for _, p := range f.Params {
		kind := p.Kind.String()
		if p.Optional {
			kind += ", optional"
		}
		fmt.Fprintf(b, "- `%s` (%s): %s\n", p.Name, kind, p.Doc)
	}
	notes := []string{effectNotes[f.Effect]}
	if f.Stages != nil {
		var names []string
		for _, s := range f.Stages {
			names = append(names, string(s))
		}
		notes = append(notes, "Stages: "+strings.Join(names, ", ")+".")
	}
	if f.Trust == Admin {
		notes = append(notes, "Administrators' scripts only.")
	}
	fmt.Fprintf(b, "\n%s\n\n", strings.Join(notes, " "))
	b.WriteString("```\n")
	for _, ex := range f.Examples {
		if at := ex.at(); at != "" {
			fmt.Fprintln(b, at)
		}
		for _, s := range ex.Setup {
			fmt.Fprintln(b, s)
		}
		fmt.Fprintf(b, "%s  → %s\n", ex.Code, ex.Outcome())
	}
	b.WriteString("```\n")
}

var effectNotes = map[Effect]string{
	Pure:    "Depends on its arguments and the transaction only.",
	Acts:    "Adds to the plan.",
	Reads:   "Reads a store or the mail store.",
	Writes:  "Changes a store at once.",
	Network: "Asks over the network.",
}

// String returns pure, acts, reads, writes or network.
func (e Effect) String() string {
	names := [...]string{"pure", "acts", "reads", "writes", "network"}
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("effect %d", uint8(e))
}
