// Package scripts is the script library: which scripts there are, compiled once, and
// which of them run when.
//
//	[[script]] ... ──> Source ──compile──> Script ─┐
//	[[script]] ... ──> Source ──compile──> Script ─┴─> set ──swap──> Library ──For(tx)──> []Script
//
// A set of scripts is taken as a whole or, when one script of it is wrong, refused as a
// whole, with all errors of all scripts; what runs goes on with the set it began with.
//
// No path and no content of a script enters a key of a store: an administrator's script has
// the key space "a:" and its namespace, a user's "u:" and the account's id.
package scripts

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sluice-mail/sluice/runtime"
)

// OnFailure says what becomes of mail when a script fails at a stage of the SMTP dialogue.
type OnFailure string

// What becomes of it.
const (
	Accept   OnFailure = "accept"   // as if the script were not there
	TempFail OnFailure = "tempfail" // 4xx: the peer tries again
	Reject   OnFailure = "reject"   // 5xx
)

// Source is a script as the configuration names it. A field that is "" or nil has the
// default of its comment.
type Source struct {
	Path         string // of the file, and the name in errors; its suffix is the language
	Code         []byte // nil: read from Path
	Stage        string // deliver
	Accounts     []string
	Trust        string // admin, or user
	Namespace    string // admin
	OnError      string // accept
	OnStoreError string // accept
}

// Script is a compiled script. It is not changed.
type Script struct {
	Program   runtime.Program
	Path      string
	Stage     runtime.Stage
	Trust     runtime.Trust
	Namespace string   // of its keys: "a:" and the namespace; for a user's set by For
	Stores    []string // names that it may give for a store beside ""; nil: not checked
	// NoDefaultStore says that "" is not for it.
	NoDefaultStore bool
	OnError        OnFailure
	OnStoreError   OnFailure

	accounts []string
}

// Options says how scripts are compiled.
type Options struct {
	Engine *runtime.Engine
	// Stores are the names that a script may give for a store beside ""; nil: not
	// checked. UserStores are those that users' scripts may name.
	Stores, UserStores []string
	// SQLStores are the names of databases that administrators' scripts may ask; nil: not checked.
	SQLStores []string
	// NoUserDefault says that the default store is not for users' scripts.
	NoUserDefault bool
	// ReadFile reads a script; nil: os.ReadFile.
	ReadFile func(path string) ([]byte, error)
	// Instrument asks for sites and hits in every language.
	Instrument bool
	// Include returns what gives the scripts that the one at a path includes; nil: there are none.
	Include func(path string) func(location, name string) (file string, source []byte, err error)
	// Module returns what gives the modules of the script at a path; nil: there are none.
	Module func(path string) func(name string) (file string, source []byte, err error)
	// AdminOnly are languages that only administrators' scripts may be in, with the reason.
	AdminOnly map[string]string
	// Refused returns the functions that no script may call now, with the reasons; nil: none.
	Refused func() map[string]string
}

// maxSource bounds the octets of one script.
const maxSource = 1 << 20

// Library holds the set of scripts in force. Many goroutines may use it.
type Library struct {
	o   Options
	set atomic.Pointer[[]Script]
}

// New returns an empty library.
func New(o Options) *Library {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	l := &Library{o: o}
	l.set.Store(new([]Script))
	return l
}

// Load compiles the sources and puts them in force in their order. If one is wrong
// nothing changes, and the error joins everything that is wrong with any of them, one
// "path:line:col: message" a line where a place is known.
func (l *Library) Load(sources []Source) error {
	set, err := l.Check(sources)
	if err != nil {
		return err
	}
	l.set.Store(&set)
	return nil
}

// Check compiles the sources as Load does and returns them, without putting them in force.
func (l *Library) Check(sources []Source) ([]Script, error) {
	set := make([]Script, 0, len(sources))
	var errs []error
	for _, src := range sources {
		s, err := l.compile(src)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		set = append(set, s)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// All returns the scripts in force in their order.
func (l *Library) All() []Script { return slices.Clone(*l.set.Load()) }

// For returns the scripts that run for tx, in their order: those of its stage whose
// account patterns match its recipient. Where a stage knows no recipient only a pattern
// that is "*" matches, and users' scripts do not run.
func (l *Library) For(tx *runtime.Transaction) []Script {
	var out []Script
	for _, s := range *l.set.Load() {
		if s.Stage != tx.Stage || !s.matches(tx.Rcpt) {
			continue
		}
		if s.Trust == runtime.User {
			if tx.Rcpt.Account == "" {
				continue
			}
			s.Namespace = UserNamespace(tx.Rcpt.Account)
		}
		out = append(out, s)
	}
	return out
}

// AdminNamespace returns the key space of administrators' scripts with that namespace.
func AdminNamespace(name string) string { return "a:" + name }

// UserNamespace returns the key space of the scripts of an account.
func UserNamespace(account string) string { return "u:" + account }

// IsUser reports whether a namespace is that of an account.
func IsUser(namespace string) bool { return strings.HasPrefix(namespace, UserNamespace("")) }

func (l *Library) compile(src Source) (Script, error) {
	s, err := src.script()
	if err != nil {
		return s, err
	}
	code := src.Code
	if code == nil {
		if code, err = l.o.ReadFile(src.Path); err != nil {
			return s, fmt.Errorf("scripts: %w", err) // the text names the file
		}
	}
	if len(code) > maxSource {
		return s, fmt.Errorf("%s: script of %d octets, at most %d are taken", src.Path, len(code), maxSource)
	}
	o := runtime.CompileOptions{Stage: s.Stage, Trust: s.Trust, Stores: l.o.Stores, SQLStores: l.o.SQLStores, Instrument: l.o.Instrument}
	if l.o.Include != nil {
		o.Include = l.o.Include(src.Path)
	}
	if l.o.Module != nil {
		o.Module = l.o.Module(src.Path)
	}
	if l.o.Refused != nil {
		o.Refused = l.o.Refused()
	}
	if s.Trust == runtime.User {
		o.Stores, o.NoDefaultStore = l.o.UserStores, l.o.NoUserDefault
		if o.Stores == nil && l.o.Stores != nil {
			o.Stores = []string{}
		}
	}
	s.Stores, s.NoDefaultStore = o.Stores, o.NoDefaultStore
	s.Program, err = l.o.Engine.Compile(src.Path, code, o)
	if err == nil && s.Trust == runtime.User {
		if why, ok := l.o.AdminOnly[s.Program.Language()]; ok {
			return s, fmt.Errorf("%s: %s is for administrators' scripts only: %s", src.Path, s.Program.Language(), why)
		}
	}
	return s, err
}

// script checks the settings of a source and fills in their defaults.
func (src Source) script() (Script, error) {
	s := Script{Path: src.Path}
	var errs []error
	bad := func(key, value, expected string) {
		errs = append(errs, fmt.Errorf("%s: %s %q: expected %s", src.Path, key, value, expected))
	}
	if src.Path == "" {
		errs = append(errs, errors.New("scripts: a script has no path"))
	}
	s.Stage = runtime.Stage(or(src.Stage, string(runtime.StageDeliver)))
	if !slices.Contains(runtime.Stages, s.Stage) {
		bad("stage", src.Stage, "connect, ehlo, mail, rcpt, data, deliver, imap or cron")
	}
	switch or(src.Trust, "admin") {
	case "admin":
		s.Trust = runtime.Admin
	case "user":
		s.Trust = runtime.User
		if s.Stage != runtime.StageDeliver && s.Stage != runtime.StageIMAP && s.Stage != runtime.StageRcpt {
			bad("stage", src.Stage, "rcpt, deliver or imap for a user's script, since no other knows whose it is")
		}
	default:
		bad("trust", src.Trust, "admin or user")
	}
	namespace := or(src.Namespace, "admin")
	if len(namespace) > 64 || strings.ContainsFunc(namespace, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		bad("namespace", src.Namespace, "at most 64 octets without control characters")
	}
	if s.Trust == runtime.Admin {
		s.Namespace = AdminNamespace(namespace)
	}
	for _, f := range []struct {
		key, value string
		to         *OnFailure
	}{{"on-error", src.OnError, &s.OnError}, {"on-store-error", src.OnStoreError, &s.OnStoreError}} {
		*f.to = OnFailure(or(f.value, string(Accept)))
		if *f.to != Accept && *f.to != TempFail && *f.to != Reject {
			bad(f.key, f.value, "accept, tempfail or reject")
		}
	}
	s.accounts = src.Accounts
	if len(s.accounts) == 0 {
		s.accounts = []string{"*"}
	}
	return s, errors.Join(errs...)
}

func or(text, def string) string {
	if text == "" {
		return def
	}
	return text
}
