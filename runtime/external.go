package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What scripts may say of an external program.
const (
	maxProgramName = 128  // characters
	maxProgramArgs = 16   // arguments
	maxProgramArg  = 1024 // octets of one
)

// The defaults of ExternalOptions.
const (
	defaultExternalTime   = 10 * time.Second
	defaultExternalOutput = 64 << 20
)

var (
	// ErrNoProgram is wrapped by errors that say that there is no such program, or that it is
	// none that may be run.
	ErrNoProgram = errors.New("no such program")
	// ErrProgramFailed is wrapped by errors that say that a program did not come to its own end.
	ErrProgramFailed = errors.New("program failed")
)

// ExternalOptions say how external programs are run. The zero value works.
type ExternalOptions struct {
	// Time is how long a program may run, default 10 seconds; below 0: no limit of its own.
	Time time.Duration
	// Output is how many octets it may print, default 64 MiB. One that prints more is ended.
	Output int
	// LF says that lines of the input end with LF; default CRLF, as in mail.
	LF bool
	// Home is HOME and the working folder, default "/".
	Home string
}

func (o ExternalOptions) withDefaults() ExternalOptions {
	if o.Time == 0 {
		o.Time = defaultExternalTime
	}
	if o.Output <= 0 {
		o.Output = defaultExternalOutput
	}
	if o.Home == "" {
		o.Home = "/"
	}
	return o
}

// ExternalKey is the variable of the environment that tells the program of a pipe the key of
// its action: a program that was run before with that key was broken off, or what came of it
// was not noted before a crash.
const ExternalKey = "SLUICE_KEY"

// External is what a program is to be run with.
type External struct {
	Name string   // of a file in the folder of programs
	Args []string // of the program, its name not among them
	// Env is its environment beside HOME and PATH. Values with control characters are left out.
	Env map[string]string
	// Input is what it reads, with any line ends; nil: nothing.
	Input []byte
	// Output says that what it prints is wanted.
	Output bool
}

// ExternalResult is what came of a program that came to its own end, or was ended.
type ExternalResult struct {
	Exit   int    // the exit status; 0: it has done what it was asked for
	Output []byte // what it printed, if that was wanted
	// Errors is what it printed to the standard error: at most 4 KiB of it, without control
	// characters and without lines of the input.
	Errors string
}

// ExternalEnv returns the environment of a program that is run for a transaction.
func ExternalEnv(t *Transaction) map[string]string {
	user := t.Rcpt.Name
	if user == "" {
		user, _, _ = strings.Cut(t.Rcpt.Address, "@")
	}
	if user == "" {
		user = "nobody"
	}
	host := t.Hostname
	if host == "" {
		host = "localhost"
	}
	env := map[string]string{"USER": user, "HOST": host, "SENDER": t.From.Address, "RECIPIENT": t.Rcpt.Address}
	original := t.Rcpt.Original
	if kind, address, ok := strings.Cut(original, ";"); ok && !strings.Contains(kind, "@") {
		original = address // of ORCPT
	}
	if original != "" {
		env["ORIG_RECIPIENT"] = original
	}
	return env
}

// CheckProgram says what is wrong with the name of a program: it is empty, longer than 128
// characters, no UTF-8, begins with a dot, or holds a slash or a control character.
func CheckProgram(name string) error {
	switch {
	case name == "":
		return errors.New("name of the program is empty")
	case utf8.RuneCountInString(name) > maxProgramName:
		return fmt.Errorf("name of the program is over %d characters", maxProgramName)
	case !utf8.ValidString(name):
		return errors.New("name of the program is no UTF-8")
	case strings.HasPrefix(name, "."):
		return errors.New("name of the program begins with a dot")
	case strings.Contains(name, "/"):
		return errors.New("name of the program holds a slash; programs are looked for in one folder only")
	case strings.ContainsFunc(name, func(c rune) bool { return unicode.IsControl(c) || c == 0x2028 || c == 0x2029 }):
		return errors.New("name of the program holds a control character")
	}
	return nil
}

// CheckProgramArgs says what is wrong with the arguments of a program: there are over 16, or
// one is over 1,024 octets or holds CR, LF or NUL.
func CheckProgramArgs(args []string) error {
	if len(args) > maxProgramArgs {
		return fmt.Errorf("%d arguments for a program, at most %d are possible", len(args), maxProgramArgs)
	}
	for i, a := range args {
		if err := CheckProgramArg(a); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

// CheckProgramArg is CheckProgramArgs for one of them.
func CheckProgramArg(a string) error {
	switch {
	case len(a) > maxProgramArg:
		return fmt.Errorf("argument for a program is over %d octets", maxProgramArg)
	case strings.ContainsAny(a, "\r\n\x00"):
		return errors.New("argument for a program holds CR, LF or NUL")
	}
	return nil
}

// findProgram returns the path of a program. The folder must be a folder itself, and nobody
// but its owner and group may write to it or to the program. A program may be a link: only
// who may write to the folder can have made it.
func findProgram(folder, name string) (string, error) {
	no := func(why string) (string, error) { return "", fmt.Errorf("%w: %q: %s", ErrNoProgram, name, why) }
	if err := CheckProgram(name); err != nil {
		return no(err.Error())
	}
	if !filepath.IsAbs(folder) {
		return no("no folder of programs is configured")
	}
	folder = filepath.Clean(folder)
	switch info, err := os.Lstat(folder); {
	case err != nil || !info.IsDir():
		return no("the folder of programs is no folder") // a link is none either
	case info.Mode()&0o002 != 0:
		return no("everybody may write to the folder of programs")
	}
	path := filepath.Join(folder, name)
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return no("it is not there")
	case err != nil:
		return no("it cannot be looked at")
	case !info.Mode().IsRegular():
		return no("it is no file")
	case info.Mode()&0o111 == 0:
		return no("it is not executable")
	case info.Mode()&0o002 != 0:
		return no("everybody may write to it")
	}
	return path, nil
}

// externalEnv returns an environment as a process gets it, in a fixed order.
func externalEnv(home string, env map[string]string) []string {
	out := []string{"HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin"}
	for name, v := range env {
		if !strings.ContainsFunc(v, unicode.IsControl) {
			out = append(out, name+"="+v)
		}
	}
	slices.Sort(out)
	return out
}

// withLineEnds returns text with CRLF or LF at the ends of its lines.
func withLineEnds(b []byte, lf bool) []byte {
	crlf, all := bytes.Count(b, []byte("\r\n")), bytes.Count(b, []byte("\n"))
	if lf && crlf == 0 || !lf && crlf == all {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	if !lf {
		b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	}
	return b
}

// shownErrors returns what a program printed to its standard error, as it may stand in a log.
// Whole lines of the input are left out: programs like to show what they do not understand.
func shownErrors(b, input []byte) string {
	var out []string
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
			continue
		case bytes.Contains(input, line):
			line = []byte("(a line of the input)")
		}
		s := strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return ' '
			}
			return c
		}, strings.ToValidUTF8(string(line), "\uFFFD"))
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return strings.Join(out, " | ")
}

// InsteadOfPipe returns the keep that is done where the program of a pipe has failed; false:
// the mail is not to be kept, or is anyway. actions are those that were settled with it.
//
// A failure is one of the script, so the mail is kept as it came, whatever else was asked for.
// With Try it is as if there was no pipe: the mail is kept as it was then, unless it is a copy
// or something else cancels the implicit keep. Other pipes do not count: they may fail too.
//
// Spec: Pigeonhole, spec-bosch-sieve-extprograms, section 5
func InsteadOfPipe(actions []Action, a *Action) (Action, bool) {
	cancelled := false
	for i := range actions {
		switch b := &actions[i]; b.Kind {
		case Keep:
			return Action{}, false
		case FileInto, Quarantine, Redirect, Discard:
			cancelled = cancelled || !b.Copy
		}
	}
	if !a.Try {
		return Action{Kind: Keep, Implicit: true}, true
	}
	return Action{Kind: Keep, Implicit: true, Header: a.Header, Raw: a.Raw}, !a.Copy && !cancelled
}
