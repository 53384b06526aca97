package testsuite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// extensionName is what test files require.
const extensionName = "vnd.dovecot.testsuite"

// suite is the state of one test file: what its blocks share.
type suite struct {
	options Options
	ctx     context.Context
	folder  string // of the file

	settings map[string]string // as test_config_set left them
	listed   map[string]string // the settings as the last reload found them
	sieve    sieve.Options     // as the last reload made them
	limits   runtime.Limits
	pipe     runtime.ExternalOptions
	language *sieve.Language
	engine   *runtime.Engine

	tx     runtime.Transaction // the current message and its envelope
	own    *runtime.View       // of the file's own run
	run    *sieve.Run          // the file's own, once a command of it was done
	nested bool                // a block is being bound
	inner  int                 // scripts that the file runs at the moment
	flags  []string            // of the current message
	memory kv.Store            // the default store of scripts

	blocks  []Block
	current *Block // the block that is run

	script   runtime.Program // what test_script_run runs
	binaries map[string]runtime.Program
	log      []string // lines of errors
	result   result
	store    store
	sent     []sent
	meta     annotations
}

// sent is a message that left, for one recipient.
type sent struct {
	from, to string
	raw      []byte
}

// errEnd ends a block or a run that has failed; what is wrong was noted.
var errEnd = errors.New("test failed")

func newSuite(ctx context.Context, path string, o Options) *suite {
	s := &suite{
		options: o, ctx: ctx, folder: filepath.Dir(path), settings: map[string]string{},
		binaries: map[string]runtime.Program{}, meta: annotations{},
	}
	s.store.names = map[string]*mailbox{}
	s.store.create(inbox)
	s.result.init()
	s.setMessage([]byte(defaultMessage))
	return s
}

// reload makes the engine anew, with the settings as they are now.
func (s *suite) reload() error {
	c := config{sieve: s.options.Sieve, limits: s.options.Limits, programs: s.options.Programs}
	o := &c.sieve
	o.Enabled, o.ASCIIAddresses, o.EditedSize = []string{"*"}, true, true
	o.Environment = maps.Clone(o.Environment)
	if o.Environment == nil {
		o.Environment = map[string]string{}
	}
	for item, value := range environment {
		if _, given := o.Environment[item]; !given {
			o.Environment[item] = value
		}
	}
	if o.Mail.Postmaster == "" {
		o.Mail.Postmaster = postmaster
	}
	withPrograms(o)
	if errs := c.apply(s.settings); len(errs) > 0 {
		return errors.Join(errs...)
	}
	o.Extensions = append(o.Extensions[:len(o.Extensions):len(o.Extensions)], s.extension())
	o.Include = s.include
	s.sieve, s.limits, s.pipe = c.sieve, c.limits, c.pipe
	s.listed = maps.Clone(s.settings)
	s.language = sieve.New(s.sieve)
	s.engine = runtime.NewEngine(s.language)
	if s.run != nil {
		s.run.SetOptions(s.sieve)
	}
	return nil
}

// path returns the place of a file that the test names.
func (s *suite) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.folder, filepath.FromSlash(name))
}

// errorf adds a line to the log of errors.
func (s *suite) errorf(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// runOptions are those of every run.
func (s *suite) runOptions() runtime.RunOptions {
	return runtime.RunOptions{
		Host: s.host(), Limits: s.limits, Trust: runtime.Admin, Namespace: "testsuite", Seed: 1, Now: s.options.Now,
	}
}

// Options say how test files are run. The zero value works.
type Options struct {
	// Sieve is what the scripts may use; the settings of a test are put on top.
	Sieve sieve.Options
	// Limits bounds every run; the default gives a run 30 seconds.
	Limits runtime.Limits
	// Run, if not nil, says which blocks are run, by their names.
	Run *regexp.Regexp
	// Programs says that a test file may name folders whose programs scripts then may run. Default:
	// that is an error of the file.
	Programs bool
	// Fixtures, if not nil, answer for the DNS and for web servers; nobody else is asked.
	Fixtures *runtime.Fixtures
	// Auth, if not nil, checks by these fixtures where mail comes from.
	Auth func(dns runtime.NetResolver) runtime.MailAuth
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Print, if not nil, is given what test_result_print and test_message_print print.
	Print func(text string)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Print == nil {
		o.Print = func(string) {}
	}
	if o.Limits.Time == 0 {
		o.Limits.Time = 30 * time.Second
	}
	return o
}

// annotations are the IMAP annotations by mailbox ("" is the server) and name.
type annotations map[string]map[string]string

func (a annotations) set(mailbox, name, value string) {
	m := maps.Clone(a[mailbox])
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	a[mailbox] = m
}

// environment are the items of the environment as Pigeonhole's own test program gives them.
var environment = map[string]string{"name": "Pigeonhole Sieve", "version": "0.5.19", "location": "MS", "phase": "during"}
