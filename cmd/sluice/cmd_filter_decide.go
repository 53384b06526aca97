package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mailbox"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
)

// What becomes of a message that a script discards, or that left by a redirect.
const (
	discardKeep   = "keep"
	discardDelete = "delete"
	discardMove   = "move"
)

// decide turns what was settled for a message into what is to be done in the mailbox. What cannot be
// done is out.problem, and then nothing is; what is not done here is out.notDone.
func (f *filterRun) decide(out *filtered, msg *mailbox.Message) {
	d := &mailbox.Deed{Index: out.index, Remove: true}
	note := func(a *runtime.Action, why string) {
		what := string(a.Kind)
		if a.Kind == runtime.Send && a.As != "" {
			what = a.As
		}
		if to := strings.Join(a.Recipients(), ", "); to != "" {
			what += " to " + to
		}
		out.notDone = append(out.notDone, what+": "+why)
	}
	if r := out.plan.Refused; r != nil {
		note(r, "the message was taken long ago")
		d.Remove = false
	}
	goes := false // by a redirect that is not done
	for i := range out.plan.Actions {
		a := &out.plan.Actions[i]
		switch a.Kind {
		case runtime.Keep:
			folder := f.source.Here()
			if out.inbox && !a.Implicit {
				folder = f.inboxFolder
			}
			f.store(d, out, msg, a, folder, true)
		case runtime.FileInto, runtime.Quarantine:
			folder, err := f.source.Resolve(a.Mailbox, f.o.separator)
			if err != nil {
				out.problem = err
				return
			}
			f.store(d, out, msg, a, folder, a.Create || f.o.create)
		case runtime.Redirect:
			why := "nothing is sent without --send"
			if f.o.send {
				why = f.redirect(out, msg, a)
			}
			if why != "" {
				note(a, why)
			}
			goes = goes || why != "" && !a.Copy
		case runtime.Send:
			switch {
			case len(a.Raw) == 0:
				note(a, a.Reason)
			case !f.o.send:
				note(a, "nothing is sent without --send")
			default:
				out.sends = append(out.sends, outbox.Message{From: strings.Trim(a.From, "<>"), To: a.Recipients(), Raw: a.Raw, Params: a.Params})
			}
		case runtime.Pipe:
			note(a, "mail is not given to programs here")
			goes = goes || !a.Copy
		case runtime.Reply:
			note(a, "only mail that is being delivered is replied to")
		case runtime.FileCopy:
			note(a, "a copy of what is sent is not filed here")
		case runtime.Discard, runtime.Mark, runtime.Accept:
		default:
			note(a, "it is for mail that is being delivered")
			goes = goes || !a.Copy
		}
	}
	if out.problem != nil {
		return
	}
	switch {
	case len(d.Stores) > 0:
	case out.plan.Refused != nil || goes:
		d.Remove = false // it would be lost
	case f.o.discard == discardKeep:
		d.Remove = false
	case f.o.discard == discardMove:
		d.Stores = []mailbox.Store{{Folder: f.discardFolder, Create: true}}
	}
	if !d.Remove && len(d.Stores) == 0 {
		d.Stores = []mailbox.Store{{Folder: f.source.Here()}}
	}
	out.changes = d.Changes(f.source.Here(), msg.Flags())
	out.deed = d
}

// redirect has a message sent on, or says why it is not.
func (f *filterRun) redirect(out *filtered, msg *mailbox.Message, a *runtime.Action) (why string) {
	if err := runtime.CheckRedirect(msg.Mail.Header(), a, out.rcpt); err != nil {
		return err.Error()
	}
	sum := sha256.Sum256([]byte("filter\x00" + f.source.Label(out.index) + "\x00" + a.Address))
	id := hex.EncodeToString(sum[:16]) + "@" + f.config.Server.Hostname
	out.sends = append(out.sends, outbox.Message{From: runtime.RedirectSender(a, out.sender), To: []string{a.Address},
		Raw: runtime.Redirected(msg.Mail.Raw(), a, out.rcpt, id), Params: a.Params})
	return ""
}

// store adds a store to what is to be done.
func (f *filterRun) store(d *mailbox.Deed, out *filtered, msg *mailbox.Message, a *runtime.Action, folder string, create bool) {
	if folder != f.source.Here() && !create && !f.source.HasFolder(folder) {
		out.problem = fmt.Errorf("there is no mailbox %q; fileinto :create or --create makes it", a.Mailbox)
		return
	}
	s := mailbox.Store{Folder: folder, Create: create, Flags: a.Flags}
	if len(a.Header) > 0 || len(a.Raw) > 0 {
		s.Raw = a.Message(msg.Mail.Raw())
	}
	if i := slices.IndexFunc(d.Stores, func(s mailbox.Store) bool { return s.Folder == folder }); i >= 0 {
		have := &d.Stores[i] // two names of one mailbox
		have.Flags = append(have.Flags[:len(have.Flags):len(have.Flags)], s.Flags...)
		have.Create = have.Create || s.Create
		return
	}
	d.Stores = append(d.Stores, s)
}
