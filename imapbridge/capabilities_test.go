package imapbridge

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// capabilityPage renders the registries as the page that users read.
func capabilityPage() []byte {
	var b bytes.Buffer
	b.WriteString("# IMAP capabilities\n\nMade from the registries by `go test ./imapbridge -run CapabilityPage -update`.\n")

	b.WriteString("\n## Capabilities\n\n| capability | specification | offered | what it brings |\n|---|---|---|---|\n")
	names := make(map[string]*Extension, len(extensions))
	for c, e := range extensions {
		names[string(c)] = e
	}
	for _, name := range sortedNames(names) {
		e := names[name]
		when := "after login"
		if e.Early {
			when = "always"
		}
		if e.Offer != nil {
			when = "before login, where it applies"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, e.Spec, when, strings.Join(brings(e.Cap), ", "))
	}

	b.WriteString("\n## Commands\n\n| command | specification | states |\n|---|---|---|\n")
	for _, name := range sortedNames(commands) {
		c := commands[name]
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, c.spec, stateNames(c.states))
	}
	table(&b, "Data items of FETCH", fetchItems, func(i *FetchItem) string { return i.Spec })
	table(&b, "Keys of SEARCH", searchKeys, func(k *SearchKey) string { return k.Spec })
	table(&b, "Return options of SEARCH", returnOptions, func(o *ReturnOption) string { return o.Spec })
	table(&b, "Items of STATUS", statusItems, func(i *StatusItem) string { return i.Spec })
	table(&b, "Parameters of SELECT", selectParams, func(p *Param[*SelectRequest]) string { return p.Spec })
	table(&b, "Modifiers of FETCH", fetchModifiers, func(p *Param[*FetchRequest]) string { return p.Spec })
	table(&b, "Modifiers of STORE", storeModifiers, func(p *Param[*StoreRequest]) string { return p.Spec })
	return b.Bytes()
}

// table writes a registry under a heading; an empty one is left out.
func table[T any](b *bytes.Buffer, heading string, m map[string]T, spec func(T) string) {
	if len(m) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| name | specification |\n|---|---|\n", heading)
	for _, name := range sortedNames(m) {
		fmt.Fprintf(b, "| %s | %s |\n", name, spec(m[name]))
	}
}

// brings lists what belongs to a capability.
func brings(c imap.Cap) []string {
	var out []string
	add := func(what, name string, caps []imap.Cap) {
		for _, have := range caps {
			if have == c {
				out = append(out, what+name)
			}
		}
	}
	for _, n := range sortedNames(commands) {
		add("", n, commands[n].caps)
	}
	for _, n := range sortedNames(fetchItems) {
		add("FETCH ", n, fetchItems[n].Caps)
	}
	for _, n := range sortedNames(searchKeys) {
		add("SEARCH ", n, searchKeys[n].Caps)
	}
	for _, n := range sortedNames(returnOptions) {
		add("SEARCH RETURN ", n, returnOptions[n].Caps)
	}
	for _, n := range sortedNames(statusItems) {
		add("STATUS ", n, statusItems[n].Caps)
	}
	return out
}

// stateNames lists states.
func stateNames(s State) string {
	var out []string
	for _, n := range []struct {
		bit  State
		name string
	}{{NotAuthenticated, "before login"}, {Authenticated, "logged in"}, {Selected, "mailbox open"}} {
		if s&n.bit != 0 {
			out = append(out, n.name)
		}
	}
	return strings.Join(out, ", ")
}

func TestCapabilityPage(t *testing.T) {
	const page = "CAPABILITIES.md"
	if *update {
		if err := os.WriteFile(page, capabilityPage(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil || !bytes.Equal(want, capabilityPage()) {
		t.Errorf("%s is not what the registries say (%v); run with -update", page, err)
	}
}

// Whatever belongs to a capability belongs to one that is announced.
func TestNothingBelongsToAnUnknownCapability(t *testing.T) {
	check := func(what string, caps []imap.Cap) {
		for _, c := range caps {
			if extensions[c] == nil {
				t.Errorf("%s belongs to %s, which is not announced", what, c)
			}
		}
	}
	for n, c := range commands {
		check(n, c.caps)
	}
	for n, i := range fetchItems {
		check(n, i.Caps)
	}
	for n, k := range searchKeys {
		check(n, k.Caps)
	}
	for n, o := range returnOptions {
		check(n, o.Caps)
	}
	for n, i := range statusItems {
		check(n, i.Caps)
	}
}
