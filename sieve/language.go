package sieve

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

const languageName = "sieve"

// Options says what scripts may use. The zero value works: everything but expressions.
type Options struct {
	// Extensions are extensions beside those of this package.
	Extensions []Extension
	// Disabled are capabilities that are not offered.
	Disabled []string
	// Enabled are capabilities that are offered although they are off by default; "*" is all
	// of them. Disabled goes before.
	Enabled []string
	// Expressions compiles the expressions of let and eval; nil: the extension
	// vnd.sluice.expressions is not offered.
	Expressions Expressions
	// Stalwart compiles the expressions of vnd.stalwart.expressions and vnd.stalwart.while; nil:
	// they are not offered.
	Stalwart StalwartExpressions
	// NoRequire says that scripts may use what is offered without require, as Stalwart lets its
	// trusted scripts.
	NoRequire bool
	// Source bounds what the parser takes.
	Source SourceLimits
	// Variables is how many variables a script may have, default 128.
	Variables int
	// VariableSize is how many octets a variable may hold, default 65,536; what is longer
	// is cut between characters.
	VariableSize int
	// Captures is how many values of wildcards or groups a match keeps, beside the whole,
	// default 32.
	Captures int
	// Separators are the strings that may divide user and detail of a local part; the
	// first that is found does. Default "+".
	Separators []string
	// PartLoops is how many foreverypart loops may be nested, those of included scripts
	// counted, default 4.
	PartLoops int
	// HeaderSize is how many octets the value of a header field that a script adds may
	// have, default 2,048.
	HeaderSize int
	// ForbidAdd and ForbidDelete are names of header fields that addheader and deleteheader
	// leave alone, beside those that are always protected. Subject is never protected.
	ForbidAdd, ForbidDelete []string
	// EditedSize says that the size test looks at the message with the edits of the script,
	// as some engines do. Default: as it was received.
	EditedSize bool
	// Zone is the zone of dates where a script names none; nil: that of the machine.
	Zone *time.Location
	// Mail says how scripts answer, notify, report, redirect and remember.
	Mail MailOptions
	// Environment are items of the environment by their names in lower case. They go before
	// those that a run knows of itself, such as name, version or location.
	Environment map[string]string
	// Include returns the source of a script that another includes, where the compile options
	// have no function for it; nil: there is none.
	Include IncludeFunc
	// Includes is how many scripts one may include, those of included ones counted, default 255.
	Includes int
	// IncludeDepth is how deep scripts may include each other, default 10.
	IncludeDepth int
	// Spamtest and Virustest say where the verdicts of scanners stand in messages; the zero
	// value says that no message was scanned.
	Spamtest, Virustest Scan
	// ASCIIAddresses says that mail addresses with UTF-8 (RFC 6531, RFC 6532) are none.
	ASCIIAddresses bool
	// PipeFolder, FilterFolder and ExecuteFolder are the absolute paths of the folders whose
	// programs the extensions vnd.dovecot.pipe, .filter and .execute run; "": the extension is
	// not offered. Nobody but its owner and group may write to such a folder.
	PipeFolder, FilterFolder, ExecuteFolder string
	// FilterOptions and ExecuteOptions say how filter and execute run their programs. What
	// carries out a plan says it for pipe.
	FilterOptions, ExecuteOptions runtime.ExternalOptions
	Logger                        *slog.Logger // default: none
}

// Language is Sieve as runtime sees it. Many goroutines may use it.
type Language struct {
	options   Options
	registry  *registry
	rewriters []*Extension
	list      []Extension
}

var _ runtime.Language = (*Language)(nil)

// New returns Sieve with all extensions of this package and of o. It panics if two
// extensions declare one name.
func New(o Options) *Language {
	o = o.withDefaults()
	l := &Language{options: o}
	for _, e := range slices.Concat(builtin, o.Extensions) {
		if !o.offers(&e) {
			continue
		}
		l.list = append(l.list, cloneExtension(e))
	}
	slices.SortStableFunc(l.list, func(a, b Extension) int { return strings.Compare(a.Name, b.Name) })
	l.registry = newRegistry(l.list)
	for i := range l.list {
		if l.list[i].Rewrite != nil {
			l.rewriters = append(l.rewriters, &l.list[i])
		}
	}
	return l
}

// offers says whether an extension is to be offered.
func (o *Options) offers(e *Extension) bool {
	folder, programs := o.programFolder(e.Name)
	switch {
	case e.Name == "":
		return true
	case slices.Contains(o.Disabled, e.Name), e.Name == expressionsName && o.Expressions == nil,
		(e.Name == stalwartExpressionsName || e.Name == stalwartWhileName) && o.Stalwart == nil:
		return false
	case programs:
		return folder != ""
	case e.Off:
		return slices.Contains(o.Enabled, e.Name) || slices.Contains(o.Enabled, "*")
	}
	return true
}

func (o Options) withDefaults() Options {
	if o.Variables <= 0 {
		o.Variables = 128
	}
	if o.Includes <= 0 {
		o.Includes = 255
	}
	if o.IncludeDepth <= 0 {
		o.IncludeDepth = 10
	}
	if o.Captures <= 0 {
		o.Captures = maxCaptures
	}
	if o.VariableSize <= 0 {
		o.VariableSize = 64 << 10
	}
	if o.PartLoops <= 0 {
		o.PartLoops = 4
	}
	if o.HeaderSize <= 0 {
		o.HeaderSize = 2 << 10
	}
	if len(o.Separators) == 0 {
		o.Separators = []string{"+"}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Source = o.Source.withDefaults()
	o.Mail = o.Mail.withDefaults()
	return o
}

// cloneExtension copies what a registry changes.
func cloneExtension(e Extension) Extension {
	e.AddressParts, e.MatchTypes = slices.Clone(e.AddressParts), slices.Clone(e.MatchTypes)
	e.Commands, e.Tests = slices.Clone(e.Commands), slices.Clone(e.Tests)
	return e
}

// Name returns "sieve".
func (l *Language) Name() string { return languageName }

// Suffix returns ".sieve".
func (l *Language) Suffix() string { return ".sieve" }

// Capabilities returns the names of all extensions of this package, in their order: those that
// Disabled and Enabled may name.
func Capabilities() []string {
	var out []string
	for _, e := range builtin {
		if e.Name != "" {
			out = append(out, e.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Extensions returns what scripts may require, in order of the names.
func (l *Language) Extensions() []Extension {
	var out []Extension
	for _, e := range l.list {
		if e.Name != "" {
			out = append(out, e)
		}
	}
	return out
}

// Compile returns the program of a script, or Errors with everything that is wrong with it. Of a
// script with syntax errors that is what could be read.
func (l *Language) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	memory := treePool.Get().(*treeMemory) //nolint:errcheck // nothing else is put in
	memory.script.Name = name
	tree, errs := parse(&memory.script, source, l.options.Source, memory)
	if len(errs) > 0 {
		return nil, Errors(moreErrors(l, tree, errs, o, memory))
	}
	p, err := l.compile(tree, o, memory)
	// The program has taken what it needs of the tree.
	memory.reset(tree)
	treePool.Put(memory)
	return p, err
}

func (l *Language) compile(tree *Script, o runtime.CompileOptions, memory *treeMemory) (runtime.Program, error) {
	p, errs := bind(l, tree, o, memory)
	if len(errs) > 0 {
		return nil, Errors(errs)
	}
	return p, nil
}
