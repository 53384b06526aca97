package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// SieveConfig is [sieve].
type SieveConfig struct {
	Zone         string   `toml:"zone" doc:"time zone of dates where a script names none, such as Europe/Berlin; empty: that of the machine"`
	Separators   []string `toml:"separators" doc:"what may divide user and detail of an address"`
	Scripts      string   `toml:"scripts" doc:"folder of the scripts that include :global takes; include :personal takes those beside the script; empty: none"`
	Environment  []string `toml:"environment" doc:"items of the environment test, such as vnd.dovecot.config.color=blue"`
	Postmaster   string   `toml:"postmaster" doc:"address that notifications and reports come from; empty: postmaster at the server's name"`
	RedirectFrom string   `toml:"redirect-from" doc:"envelope sender of redirects: sender, recipient, orig_recipient, postmaster, or an address in angle brackets"`
	NotifyFrom   string   `toml:"notify-from" doc:"the same for notifications; empty: what the script says, or postmaster"`
	ReportFrom   string   `toml:"report-from" doc:"the same for reports"`

	User  SieveLimits `toml:"user"`
	Admin SieveLimits `toml:"admin"`

	Vacation struct {
		Days            int64  `toml:"days" doc:"days in which a sender gets one vacation message, where the script does not say"`
		MinSeconds      int64  `toml:"min-seconds" doc:"least seconds that a script may ask for"`
		MaxDays         int64  `toml:"max-days" doc:"most days that a script may ask for"`
		Subject         string `toml:"subject" doc:"subject where the message has none"`
		SubjectTemplate string `toml:"subject-template" doc:"subject made of that of the message, which stands for %$"`
		SubjectLength   int64  `toml:"subject-length" doc:"characters of a subject at most"`
		AnyRecipient    bool   `toml:"any-recipient" doc:"whether mail is answered in whose header none of the recipient's addresses is"`
		FromRecipient   bool   `toml:"from-recipient" doc:"whether the envelope sender is the recipient; else it is the null one"`
	} `toml:"vacation"`
	Notify struct {
		Recipients int64 `toml:"recipients" doc:"recipients of one notification at most"`
	} `toml:"notify"`
	Duplicate struct {
		Days    int64 `toml:"days" doc:"days for which a message is remembered, where the script does not say"`
		MaxDays int64 `toml:"max-days" doc:"most days that a script may ask for"`
	} `toml:"duplicate"`
	EditHeader struct {
		ForbidAdd    []string `toml:"forbid-add" doc:"header fields that scripts may not add"`
		ForbidDelete []string `toml:"forbid-delete" doc:"header fields that scripts may not delete"`
		MaxSize      int64    `toml:"max-size" doc:"octets of a header field that a script adds"`
	} `toml:"editheader"`
	Spamtest  ScanConfig `toml:"spamtest"`
	Virustest ScanConfig `toml:"virustest"`
	Programs  struct {
		Pipe    string `toml:"pipe" doc:"folder of the programs that vnd.dovecot.pipe runs; empty: it is not offered"`
		Filter  string `toml:"filter" doc:"folder of the programs that vnd.dovecot.filter runs; empty: it is not offered"`
		Execute string `toml:"execute" doc:"folder of the programs that vnd.dovecot.execute runs; empty: it is not offered"`
		Time    int64  `toml:"time" doc:"milliseconds that a program may run; what filter and execute run has to end within the time of the script too"`
		Output  int64  `toml:"output" doc:"octets that a program may print"`
		LF      bool   `toml:"lf" doc:"whether lines of its input end with LF; else with CRLF"`
	} `toml:"programs"`
	List []ListConfig `toml:"list" doc:"an external list (RFC 6134)"`
}

// SieveLimits is [sieve.user] or [sieve.admin].
type SieveLimits struct {
	Disabled     []string `toml:"disabled" doc:"capabilities that are not offered"`
	Enabled      []string `toml:"enabled" doc:"capabilities that are offered although they are off by default; programs need their folder too"`
	ScriptSize   int64    `toml:"script-size" doc:"octets of a script"`
	StringSize   int64    `toml:"string-size" doc:"octets of a string"`
	Nesting      int64    `toml:"nesting" doc:"blocks in blocks, and tests in tests"`
	Variables    int64    `toml:"variables" doc:"variables of a script"`
	VariableSize int64    `toml:"variable-size" doc:"octets of the value of a variable; what is longer is cut"`
	Captures     int64    `toml:"captures" doc:"what :matches and :regex keep of a match, beside the whole"`
	Includes     int64    `toml:"includes" doc:"scripts that one may include"`
	IncludeDepth int64    `toml:"include-depth" doc:"how deep scripts may include each other"`
	PartLoops    int64    `toml:"part-loops" doc:"how deep foreverypart may be nested"`
	Redirects    int64    `toml:"redirects" doc:"redirects of one run"`
	Outgoing     int64    `toml:"outgoing" doc:"messages of one run that leave beside redirects"`
	Actions      int64    `toml:"actions" doc:"actions of one run"`
	Steps        int64    `toml:"steps" doc:"commands and tests of one run; 0: as in [limits]"`
	Time         int64    `toml:"time" doc:"milliseconds of one run; 0: as in [limits]"`
}

// ScanConfig is [sieve.spamtest] or [sieve.virustest].
type ScanConfig struct {
	Header    string   `toml:"header" doc:"header field with the verdict, or its name, a colon and a regular expression; empty: mail is not scanned"`
	Type      string   `toml:"type" doc:"score, strlen (as many characters as the score) or text"`
	Max       string   `toml:"max" doc:"the score that counts as the worst, such as 10 or 7.5"`
	MaxHeader string   `toml:"max-header" doc:"header field with that score, in the form of header"`
	Texts     []string `toml:"texts" doc:"verdicts of the type text, from 0 on; an empty one stands for none"`
}

// ListConfig is one [[sieve.list]].
type ListConfig struct {
	Name   string `toml:"name" doc:"what scripts call it, such as tag:example.org,2026:friends"`
	File   string `toml:"file" doc:"the file, one entry a line"`
	Pairs  bool   `toml:"pairs" doc:"whether each line of the file is a key that is followed by a line with its value; the keys are the entries"`
	Store  string `toml:"store" doc:"id of the store, where there is no file; empty: the default one"`
	Prefix string `toml:"prefix" doc:"begin of the keys in the store; what follows in lower case is an entry"`
	User   bool   `toml:"user" doc:"whether users' scripts may ask it"`
}

func defaultSieve() SieveConfig {
	var s SieveConfig
	s.Separators, s.Environment, s.List = []string{"+"}, []string{}, []ListConfig{}
	s.RedirectFrom, s.ReportFrom = "sender", "postmaster"
	limits := SieveLimits{
		Disabled: []string{}, Enabled: []string{}, ScriptSize: 1 << 20, StringSize: 256 << 10, Nesting: 32, Variables: 128,
		VariableSize: 64 << 10, Captures: 32, Includes: 255, IncludeDepth: 10, PartLoops: 4, Redirects: 4, Outgoing: 8, Actions: 32,
	}
	s.User, s.Admin = limits, limits
	s.User.ScriptSize, s.User.Includes = 256<<10, 32
	s.Vacation.Days, s.Vacation.MinSeconds, s.Vacation.MaxDays = 7, 24*3600, 60
	s.Vacation.Subject, s.Vacation.SubjectTemplate, s.Vacation.SubjectLength = "Automated reply", "Auto: %$", 256
	s.Notify.Recipients = 8
	s.Duplicate.Days, s.Duplicate.MaxDays = 7, 60
	s.EditHeader.ForbidAdd, s.EditHeader.ForbidDelete, s.EditHeader.MaxSize = []string{}, []string{}, 2048
	scan := ScanConfig{Type: "score", Texts: []string{}}
	s.Spamtest, s.Virustest = scan, scan
	s.Programs.Time, s.Programs.Output = 10_000, 64<<20
	return s
}

// scan returns the settings as Sieve wants them.
func (s ScanConfig) scan() (sieve.Scan, error) {
	out := sieve.Scan{Header: s.Header, Type: s.Type, MaxHeader: s.MaxHeader, Texts: s.Texts}
	if s.Max != "" {
		most, err := strconv.ParseFloat(s.Max, 64)
		if err != nil || !(most > 0) {
			return out, fmt.Errorf("max %q: expected a number over 0", s.Max)
		}
		out.Max = most
	}
	return out, out.Check()
}

// checkSieve refuses settings of [sieve] that nothing could follow.
func (c *Config) checkSieve(bad func(path, format string, args ...any)) {
	s := &c.Sieve
	if _, err := time.LoadLocation(s.Zone); err != nil {
		bad("sieve.zone", "unknown time zone %q", s.Zone)
	}
	if slices.Contains(s.Separators, "") {
		bad("sieve.separators", "a separator is empty")
	}
	for _, item := range s.Environment {
		if name, _, ok := strings.Cut(item, "="); !ok || name == "" {
			bad("sieve.environment", "%q is no name=value", item)
		}
	}
	if s.Postmaster != "" {
		if _, err := mail.ParseAddress(s.Postmaster); err != nil {
			bad("sieve.postmaster", "%q is no address", s.Postmaster)
		}
	}
	for path, v := range map[string]string{"sieve.redirect-from": s.RedirectFrom, "sieve.notify-from": s.NotifyFrom, "sieve.report-from": s.ReportFrom} {
		if !senderChoice(v) {
			bad(path, "%q is not one of sender, recipient, orig_recipient, postmaster, or an address in angle brackets", v)
		}
	}
	known := map[string]bool{}
	for _, name := range sieve.Capabilities() {
		known[name] = true
	}
	for table, l := range map[string]SieveLimits{"sieve.user": s.User, "sieve.admin": s.Admin} {
		for key, names := range map[string][]string{".disabled": l.Disabled, ".enabled": l.Enabled} {
			for _, name := range names {
				if !known[name] {
					bad(table+key, "unknown capability %q%s", name, nearestOf(name, known))
				}
			}
		}
	}
	for table, scan := range map[string]ScanConfig{"sieve.spamtest": s.Spamtest, "sieve.virustest": s.Virustest} {
		if _, err := scan.scan(); err != nil {
			bad(table+".header", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	for key, folder := range map[string]string{"pipe": s.Programs.Pipe, "filter": s.Programs.Filter, "execute": s.Programs.Execute} {
		if folder != "" && !filepath.IsAbs(folder) {
			bad("sieve.programs."+key, "%q is no absolute path", folder)
		}
	}
	seen := map[string]bool{}
	for i, l := range s.List {
		at := fmt.Sprintf("sieve.list.%d", i)
		switch {
		case l.Name == "":
			bad(at+".name", "must not be empty")
		case seen[l.Name]:
			bad(at+".name", "%q is the name of two lists", l.Name)
		}
		seen[l.Name] = true
		if _, ok := c.Store[l.Store]; l.Store != "" && !ok {
			bad(at+".store", "there is no store %q%s", l.Store, nearestOf(l.Store, c.Store))
		}
		c.keepsKeys(at+".store", l.Store, bad)
	}
}

func senderChoice(s string) bool {
	switch s {
	case "", "sender", "recipient", "orig_recipient", "postmaster", "<>":
		return true
	}
	inner, ok := strings.CutPrefix(s, "<")
	inner, end := strings.CutSuffix(inner, ">")
	_, err := mail.ParseAddress(inner)
	return ok && end && err == nil
}

// sieveNumbers are the bounds of the numbers of [sieve].
func (c *Config) sieveNumbers(all map[string]number) {
	const days, count = 36500, 1 << 31
	s := &c.Sieve
	for table, l := range map[string]SieveLimits{"sieve.user.": s.User, "sieve.admin.": s.Admin} {
		for key, n := range map[string]number{
			"script-size": {l.ScriptSize, 1, 1 << 20}, "string-size": {l.StringSize, 1, 64 << 20}, "nesting": {l.Nesting, 1, 1000},
			"variables": {l.Variables, 1, 100_000}, "variable-size": {l.VariableSize, 1, 64 << 20}, "captures": {l.Captures, 9, 100},
			"includes": {l.Includes, 1, 10_000}, "include-depth": {l.IncludeDepth, 1, 100}, "part-loops": {l.PartLoops, 1, 32},
			"redirects": {l.Redirects, 1, count}, "outgoing": {l.Outgoing, 1, count}, "actions": {l.Actions, 1, count},
			"steps": {l.Steps, 0, 1 << 60}, "time": {l.Time, 0, 24 * 3600 * 1000},
		} {
			all[table+key] = n
		}
	}
	for path, n := range map[string]number{
		"sieve.vacation.days": {s.Vacation.Days, 1, days}, "sieve.vacation.min-seconds": {s.Vacation.MinSeconds, 0, days * 24 * 3600},
		"sieve.vacation.max-days": {s.Vacation.MaxDays, 1, days}, "sieve.vacation.subject-length": {s.Vacation.SubjectLength, 1, 900},
		"sieve.notify.recipients": {s.Notify.Recipients, 1, 100}, "sieve.duplicate.days": {s.Duplicate.Days, 1, days}, "sieve.duplicate.max-days": {s.Duplicate.MaxDays, 1, days},
		"sieve.editheader.max-size": {s.EditHeader.MaxSize, 1, 64 << 10},
		"sieve.programs.time":       {s.Programs.Time, 1, 24 * 3600 * 1000}, "sieve.programs.output": {s.Programs.Output, 1, 1 << 31},
	} {
		all[path] = n
	}
}

// sieveOptions are the options of Sieve for scripts of a trust. The configuration was checked.
func (c *Config) sieveOptions(trust runtime.Trust) sieve.Options {
	s, l := &c.Sieve, c.sieveLimits(trust)
	const day = 24 * time.Hour
	o := sieve.Options{
		Expressions: expressions{}, Stalwart: stalwartExpressions{}, Disabled: l.Disabled, Enabled: l.Enabled, Separators: s.Separators,
		Source:    sieve.SourceLimits{Size: int(l.ScriptSize), String: int(l.StringSize), Nesting: int(l.Nesting)},
		Variables: int(l.Variables), VariableSize: int(l.VariableSize), Captures: int(l.Captures),
		Includes: int(l.Includes), IncludeDepth: int(l.IncludeDepth), PartLoops: int(l.PartLoops),
		HeaderSize: int(s.EditHeader.MaxSize), ForbidAdd: s.EditHeader.ForbidAdd, ForbidDelete: s.EditHeader.ForbidDelete,
		Environment: map[string]string{"version": version},
	}
	o.NoRequire = c.Compat.Stalwart && trust == runtime.Admin
	if s.Zone != "" {
		o.Zone, _ = time.LoadLocation(s.Zone)
	}
	for _, item := range s.Environment {
		name, value, _ := strings.Cut(item, "=")
		o.Environment[strings.ToLower(name)] = value
	}
	o.Spamtest, _ = s.Spamtest.scan()
	o.Virustest, _ = s.Virustest.scan()
	o.Mail = sieve.MailOptions{
		Postmaster: s.Postmaster, RedirectFrom: s.RedirectFrom, NotifyFrom: s.NotifyFrom, ReportFrom: s.ReportFrom,
		VacationMin: time.Duration(s.Vacation.MinSeconds) * time.Second, VacationMax: time.Duration(s.Vacation.MaxDays) * day,
		VacationPeriod: time.Duration(s.Vacation.Days) * day, VacationSubject: s.Vacation.Subject,
		VacationSubjectTemplate: s.Vacation.SubjectTemplate, VacationSubjectLength: int(s.Vacation.SubjectLength),
		VacationAnyRecipient: s.Vacation.AnyRecipient, VacationFromRecipient: s.Vacation.FromRecipient,
		NotifyRecipients: int(s.Notify.Recipients),
		DuplicatePeriod:  time.Duration(s.Duplicate.Days) * day, DuplicateMax: time.Duration(s.Duplicate.MaxDays) * day,
	}
	if s.Vacation.MinSeconds == 0 {
		o.Mail.VacationMin = -1 // no bound
	}
	programs := c.programOptions()
	o.FilterOptions, o.ExecuteOptions = programs, programs
	// Users' scripts run programs only where that is asked for by name.
	may := func(capability string) bool { return trust == runtime.Admin || slices.Contains(l.Enabled, capability) }
	if may("vnd.dovecot.pipe") {
		o.PipeFolder = s.Programs.Pipe
	}
	if may("vnd.dovecot.filter") {
		o.FilterFolder = s.Programs.Filter
	}
	if may("vnd.dovecot.execute") {
		o.ExecuteFolder = s.Programs.Execute
	}
	return o
}

// programOptions say how the programs of scripts are run.
func (c *Config) programOptions() runtime.ExternalOptions {
	p := &c.Sieve.Programs
	return runtime.ExternalOptions{Time: time.Duration(p.Time) * time.Millisecond, Output: int(p.Output), LF: p.LF}
}

func (c *Config) sieveLimits(trust runtime.Trust) *SieveLimits {
	if trust == runtime.Admin {
		return &c.Sieve.Admin
	}
	return &c.Sieve.User
}

// limitsOf returns the limits of a run of a script in a language.
func limitsOf(c *Config, trust runtime.Trust, language string) runtime.Limits {
	out := runtime.Limits{Time: time.Duration(c.Limits.Time) * time.Millisecond, Steps: c.Limits.Steps, Ops: int(c.Limits.Ops)}
	if language != "sieve" {
		return out
	}
	l := c.sieveLimits(trust)
	out.Redirects, out.Outgoing, out.Actions = int(l.Redirects), int(l.Outgoing), int(l.Actions)
	if l.Steps > 0 {
		out.Steps = l.Steps
	}
	if l.Time > 0 {
		out.Time = time.Duration(l.Time) * time.Millisecond
	}
	return out
}
