package peers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// SieveFilter is Pigeonhole's sieve-filter over a Maildir of its own. It is not a server: each Run is a
// process.
type SieveFilter struct {
	// Maildir is the path of the mailbox, which is still to be made.
	Maildir string

	program, home string
	account       *syscall.Credential // nil: this user
	remove        func()
}

// FilterRun is what a run of sieve-filter gave.
type FilterRun struct {
	// Decisions are what it would do with each message, by Message-ID, as Decision writes it, in order.
	Decisions map[string][]string
	Wall, CPU time.Duration
}

// NewSieveFilter makes a place for a mailbox. It returns ErrMissing. Where this is root another user will
// run it, since it refuses to be root.
func NewSieveFilter() (*SieveFilter, error) {
	program, err := Find("sieve-filter")
	if err != nil {
		return nil, err
	}
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	s := &SieveFilter{Maildir: filepath.Join(dir, "Maildir"), program: program, home: dir, remove: remove}
	if os.Getuid() == 0 {
		u, err := user.Lookup("nobody")
		if err != nil {
			remove()
			return nil, fmt.Errorf("peers: sieve-filter: %w", err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	const config = "log_path = /dev/stderr\nprotocols =\nssl = no\nmail_fsync = never\nlock_method = fcntl\n"
	if err := os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644); err != nil {
		remove()
		return nil, fmt.Errorf("peers: sieve-filter: %w", err)
	}
	return s, nil
}

// Close removes the mailbox.
func (s *SieveFilter) Close() { s.remove() }

// Forget removes what it has noted about the mailbox and its scripts: the next run is a first one.
func (s *SieveFilter) Forget() error {
	noted, err := filepath.Glob(filepath.Join(s.Maildir, "dovecot*"))
	if err != nil {
		return err
	}
	compiled, err := filepath.Glob(filepath.Join(s.home, "*.svbin"))
	for _, path := range append(noted, compiled...) {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// own gives the mailbox to the user who runs it.
func (s *SieveFilter) own() error {
	if s.account == nil {
		return nil
	}
	return filepath.WalkDir(s.home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(s.account.Uid), int(s.account.Gid))
	})
}

// Run runs a script over the mailbox, which is not changed.
func (s *SieveFilter) Run(ctx context.Context, script []byte) (*FilterRun, error) {
	path := filepath.Join(s.home, "script.sieve")
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, script) {
		if err := os.WriteFile(path, script, 0o644); err != nil {
			return nil, err
		}
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.program, "-c", filepath.Join(s.home, "dovecot.conf"), "-o", "mail_location=maildir:"+s.Maildir, path, "INBOX")
	cmd.Dir = s.home
	cmd.Env = append(os.Environ(), "HOME="+s.home)
	if s.account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
		cmd.Env = append(cmd.Env, "USER=nobody", "LOGNAME=nobody")
	}
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("peers: sieve-filter: %w\n%s", err, log.Bytes())
	}
	r := &FilterRun{Wall: time.Since(began), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Decisions: map[string][]string{}}
	return r, r.parse(&out)
}

// parse reads what it printed: a block for each message.
func (r *FilterRun) parse(out *bytes.Buffer) error {
	var id string
	var all []string
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := s.Text()
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "  ID:") {
			id, all = strings.TrimSpace(rest), nil
			r.Decisions[id] = nil
		}
		switch {
		case word == "*":
			all = append(all, rest)
		case word == "+" && len(all) > 0:
			if flags, ok := strings.CutPrefix(rest, "add IMAP flags: "); ok {
				all[len(all)-1] += "\x00" + flags
			}
		default:
			continue
		}
		list := make([]string, len(all))
		for i, a := range all {
			what, flags, _ := strings.Cut(a, "\x00")
			if mailbox, ok := strings.CutPrefix(what, "store message in folder: "); ok {
				what = "store " + mailbox
			} else if to, ok := strings.CutPrefix(what, "redirect message to: "); ok {
				what = "redirect " + strings.Trim(to, "<>")
			} else {
				what, _, _ = strings.Cut(what, " ")
			}
			list[i] = Decision(what, strings.Fields(flags))
		}
		slices.Sort(list)
		r.Decisions[id] = list
	}
	return s.Err()
}

// Decision writes one thing that is done with a message so that it can be compared: a store in a mailbox
// with its flags, a redirect, a discard.
func Decision(what string, flags []string) string {
	flags = slices.Clone(flags)
	for i := range flags {
		flags[i] = strings.ToLower(flags[i])
	}
	slices.Sort(flags)
	return strings.TrimSpace(what + " " + strings.Join(flags, " "))
}
