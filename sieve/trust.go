package sieve

import "github.com/sluice-mail/sluice/runtime"

// byTrust is Sieve with other options for users than for administrators.
type byTrust struct{ user, admin *Language }

// ByTrust returns Sieve that compiles users' scripts with one set of options and administrators'
// with another.
func ByTrust(user, admin Options) runtime.Language {
	return byTrust{New(user), New(admin)}
}

// Name returns "sieve".
func (byTrust) Name() string { return languageName }

// Suffix returns ".sieve".
func (byTrust) Suffix() string { return ".sieve" }

// Compile compiles a script as the trust that it is compiled for wants it.
func (l byTrust) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	if o.Trust == runtime.Admin {
		return l.admin.Compile(name, source, o)
	}
	return l.user.Compile(name, source, o)
}
