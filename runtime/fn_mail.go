package runtime

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mail"
)

// Limits of what an action says, in octets. Longer texts are cut, since they often come
// from the message.
const (
	maxMailboxName = 1024
	maxReason      = 8 << 10
	maxSubject     = 900
	maxReply       = 64 << 10
)

// filing are the stages at which there is mail to file.
var filing = []Stage{StageData, StageDeliver, StageIMAP}

// refusing are the stages at which a peer waits for an answer.
var refusing = []Stage{StageConnect, StageEhlo, StageMail, StageRcpt, StageData, StageDeliver}

func init() {
	register(Function{
		Name:   "keep",
		Family: "mail",
		Doc: "Stores the message in the inbox, with these flags, or else those of `flag_add` and its like. It takes the place of the implicit keep. Before " +
			"there is a message it says that the peer may go on.",
		Params: []Param{{Name: "flags", Kind: List, Optional: true, Doc: `IMAP flags such as "\\Seen" or "$Label"`}},
		Result: Bool, Effect: Acts, Stages: append([]Stage{StageIMAP}, refusing...), Trust: User,
		Examples: []Example{{Code: `keep()`, Want: `true`}, {Code: `keep(["$Work"])`, Want: `true`}, {Code: `keep()`, Want: `true`, Stage: StageMail},
			{Code: `keep(["no flag?"])`, Want: `true`}, {Code: `keep(["a(b"])`, Error: `keep: "a(b" is no IMAP flag`}},
		Call: func(e *Env, a Args) (Value, error) {
			flags, err := flagList(a.List(0))
			if err != nil {
				return nil, fmt.Errorf("keep: %w", err)
			}
			return e.actStamped(Action{Kind: Keep, Flags: flags}, a[0] != nil)
		},
	})
	register(Function{
		Name:   "fileinto",
		Family: "mail",
		Doc: "Stores the message in a mailbox. Options: `flags` (list of IMAP flags; those of `flag_add` and its like if it is left out), `create` (make the mailbox " +
			"if it is not there), `copy` (leave the implicit keep alone).",
		Params: []Param{
			{Name: "mailbox", Kind: String, Doc: "path of the mailbox, its parts separated by `/`"},
			{Name: "options", Kind: Map, Optional: true, Doc: "any of flags, create, copy"},
		},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{
			{Code: `fileinto("Lists")`, Want: `true`},
			{Code: `fileinto("Archive", {"copy": true, "create": true, "flags": ["$Done"]})`, Want: `true`},
			{Code: `fileinto("")`, Error: `fileinto: mailbox name is empty`},
			{Code: `fileinto("A", {"colour": "red"})`, Error: `fileinto: unknown option "colour"; known are flags, create, copy`},
			{Code: `fileinto("A")`, Error: "fileinto is not lawful at stage rcpt; it is at data, deliver, imap", Stage: StageRcpt},
		},
		Call: fileInto,
	})
	register(Function{
		Name:   "discard",
		Family: "mail",
		Doc:    "Cancels the implicit keep. What is filed or sent on elsewhere still is.",
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{{Code: `discard()`, Want: `true`}, {Code: `discard()`, Error: "discard is not lawful at stage connect; it is at data, deliver, imap", Stage: StageConnect}},
		Call: func(e *Env, _ Args) (Value, error) {
			return true, e.Act(Action{Kind: Discard})
		},
	})
	for kind, doc := range map[ActionKind]string{
		Reject:   "Refuses the message for good; its sender is told the reason.",
		EReject:  "Refuses the message for good in the dialogue with the peer, and never by a message of its own.",
		TempFail: "Refuses the message for now: nothing else of the plan is done, and the peer tries again later.",
	} {
		register(Function{
			Name:   string(kind),
			Family: "mail",
			Doc:    doc,
			Params: []Param{{Name: "reason", Kind: String, Doc: "text for the sender; at most 8 KiB of it are used"}},
			Result: Bool, Effect: Acts, Stages: refusing, Trust: User,
			Examples: []Example{{Code: string(kind) + `("not today")`, Want: `true`}, {Code: string(kind) + `("no")`, Want: `true`, Stage: StageRcpt},
				{Code: string(kind) + `()`, Error: string(kind) + `: called with 0 arguments, takes 1: ` + string(kind) + `(reason) -> bool`}},
			Call: func(e *Env, a Args) (Value, error) {
				return true, e.Act(Action{Kind: kind, Reason: cut(a.String(0), maxReason)})
			},
		})
	}
	register(Function{
		Name:   "redirect",
		Family: "mail",
		Doc:    "Sends the message on to an address, as it is edited. Option: `copy` (leave the implicit keep alone).",
		Params: []Param{
			{Name: "address", Kind: String, Doc: "one address, without name and brackets"},
			{Name: "options", Kind: Map, Optional: true, Doc: "copy"},
		},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{{Code: `redirect("eve@example.net", {"copy": true})`, Want: `true`}, {Code: `redirect("eve@example.net")`, Want: `true`},
			{Code: `redirect("nobody")`, Error: `redirect: mail: address "nobody": no @`}},
		Call: func(e *Env, a Args) (Value, error) {
			addr, err := mail.ParseAddress(a.String(0))
			if err != nil {
				return nil, fmt.Errorf("redirect: %w", err)
			}
			o, err := actionOptions(a.Map(1), "copy")
			if err != nil {
				return nil, fmt.Errorf("redirect: %w", err)
			}
			return e.actStamped(Action{Kind: Redirect, Address: addr.String(), Copy: o.copy}, false)
		},
	})
	register(Function{
		Name:   "reply",
		Family: "mail",
		Doc:    "Answers the envelope sender with a text. Mail without a sender, and mail made by programs, gets none.",
		Params: []Param{
			{Name: "subject", Kind: String, Doc: "one line"},
			{Name: "text", Kind: String, Doc: "plain text; at most 64 KiB of it are used"},
		},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{{Code: `reply("Got it", "We answer within a day.")`, Want: `true`}, {Code: `reply("Got it", "x")`, Want: `true`, Stage: StageData}},
		Call: func(e *Env, a Args) (Value, error) {
			return true, e.Act(Action{Kind: Reply, Subject: oneLine(a.String(0)), Reason: cut(a.String(1), maxReply)})
		},
	})
	register(Function{
		Name:   "mark",
		Family: "mail",
		Doc: "Sets a key as `key_set` does, but only once the mail is settled: not if it is refused for now, " +
			"and not if the script fails.",
		Params: []Param{storeParam, keyParam,
			{Name: "value", Kind: Any, Doc: "any value up to 64 KiB"}, ttlParam},
		Result: Bool, Effect: Acts, Trust: User,
		Examples: []Example{{Code: `mark("", "seen", 1, "7d")`, Want: `true`}, {Setup: []string{`mark("", "seen", 1)`}, Code: `key_exists("", "seen")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if err := checkKey(e.View.Namespace, a.String(1)); err != nil {
				return nil, fmt.Errorf("mark: %w", err)
			}
			if _, err := EncodeValue(a[2]); err != nil {
				return nil, fmt.Errorf("mark: %w", err)
			}
			if _, err := checkTTL(a.Duration(3)); err != nil {
				return nil, fmt.Errorf("mark: %w", err)
			}
			return true, e.Act(Action{Kind: Mark, Store: a.String(0), Key: a.String(1), Value: a[2],
				TTL: a.Duration(3), Namespace: e.View.Namespace})
		},
	})
}

// actStamped appends an action that a script asks for by its function, with the message as it is
// now. flags says that the script named flags of its own.
func (e *Env) actStamped(a Action, flags bool) (Value, error) {
	if err := e.stamp(&a, flags); err != nil {
		return nil, err
	}
	return true, e.Act(a)
}

func fileInto(e *Env, a Args) (Value, error) {
	if err := CheckMailbox(a.String(0)); err != nil {
		return nil, fmt.Errorf("fileinto: %w", err)
	}
	o, err := actionOptions(a.Map(1), "flags", "create", "copy")
	if err != nil {
		return nil, fmt.Errorf("fileinto: %w", err)
	}
	return e.actStamped(Action{Kind: FileInto, Mailbox: a.String(0), Flags: o.flags, Create: o.create, Copy: o.copy}, o.hasFlags)
}

// CheckMailbox says what is wrong with a mailbox name that no mail store could take:
// it is empty, too long, no UTF-8 or holds control characters.
func CheckMailbox(name string) error {
	switch {
	case name == "":
		return errors.New("mailbox name is empty")
	case len(name) > maxMailboxName:
		return fmt.Errorf("mailbox name is over %d octets", maxMailboxName)
	case !utf8.ValidString(name):
		return errors.New("mailbox name is no UTF-8")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("mailbox name holds a control character")
	}
	return nil
}

// options are the options of the actions.
type options struct {
	flags        []string
	hasFlags     bool
	create, copy bool
}

// actionOptions reads the map of options of an action that knows these.
func actionOptions(m map[string]Value, known ...string) (o options, err error) {
	for name, v := range inOrder(m) {
		if !contains(known, name) {
			return o, fmt.Errorf("unknown option %q; known are %s", cut(name, 40), strings.Join(known, ", "))
		}
		kind := Bool
		if name == "flags" {
			kind = List
		}
		if v, err = convert(v, kind); err != nil {
			return o, fmt.Errorf("option %s: %w", name, err)
		}
		switch name {
		case "flags":
			o.hasFlags = true
			o.flags, err = flagList(v.([]Value))
		case "create":
			o.create = v.(bool)
		case "copy":
			o.copy = v.(bool)
		}
		if err != nil {
			return o, fmt.Errorf("option flags: %w", err)
		}
	}
	return o, nil
}

// flagList returns a script's list of flags, or an error that names the first that is none.
func flagList(list []Value) ([]string, error) {
	var out []string
	for i, v := range list {
		f, ok := v.(string)
		if !ok {
			k, _ := KindOf(v)
			return nil, fmt.Errorf("flag %d: expected string, got %s", i+1, k)
		}
		var err error
		if out, err = addFlags(out, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkFlags is flagList for strings.
func checkFlags(list []string) (out []string, err error) {
	for _, f := range list {
		if out, err = addFlags(out, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addFlags appends the flags of one string, which may hold several.
func addFlags(out []string, s string) ([]string, error) {
	for f := range strings.FieldsSeq(s) {
		if !ValidFlag(f) {
			return nil, fmt.Errorf("%q is no IMAP flag", cut(f, 40))
		}
		out = unionFlags(out, []string{f})
	}
	return out, nil
}

// cut returns at most n octets of s, cut between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// oneLine returns s as it may stand in a header field: line ends and other control
// characters are blanks.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(cut(s, maxSubject))
}
