package sieve

import "strings"

const dovecotEnvironmentName = "vnd.dovecot.environment"

// vnd.dovecot.environment adds items to the environment, and reads all items as variables of
// the namespace env, where _ stands for - in their names.
//
// Spec:   Pigeonhole, spec-bosch-sieve-dovecot-environment
// Status: complete
func init() {
	register(Extension{
		Name: dovecotEnvironmentName, Spec: "Pigeonhole, spec-bosch-sieve-dovecot-environment", Status: "complete",
		Implies: []string{"environment"},
		Namespaces: []Namespace{{Name: "env", Read: func(b *Binder, name string, _ Span) func(r *Run) string {
			allowed := b.environmentItems()
			name = lowerASCII(name)
			dashed := strings.ReplaceAll(name, "_", "-")
			return func(r *Run) string {
				s, ok := r.environment(name, *allowed)
				if !ok && dashed != name {
					s, _ = r.environment(dashed, *allowed)
				}
				return s
			}
		}}},
	})
}

// dovecotEnvironment returns one of the items that the run knows. Those of the configuration
// are among the options.
func (r *Run) dovecotEnvironment(name string) (string, bool) {
	switch name {
	case "vnd.dovecot.default-mailbox":
		return "INBOX", true
	case "vnd.dovecot.username":
		return r.view.Rcpt.Name, r.view.Rcpt.Name != ""
	}
	return "", false
}
