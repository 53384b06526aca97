package runtime

import "context"

// MailStore is what scripts may ask of an account's mail store. Many goroutines may use it. A
// mailbox is named by its path, as in fileinto.
type MailStore interface {
	// SpecialUse says whether a mailbox has an attribute such as \Junk; mailbox "" is any.
	//
	// Spec: RFC 8579, section 3
	SpecialUse(ctx context.Context, account, mailbox, use string) (bool, error)
	// MailboxID says whether a mailbox of the account has this id.
	//
	// Spec: RFC 9042, section 4
	MailboxID(ctx context.Context, account, id string) (bool, error)
	// Metadata returns an annotation of a mailbox, or of the account where mailbox is "". False
	// says that there is none, or no such mailbox.
	//
	// Spec: RFC 5490, sections 4 and 5; RFC 5464
	Metadata(ctx context.Context, account, mailbox, name string) (string, bool, error)
}

func init() {
	mailbox := Param{Name: "mailbox", Kind: String, Doc: "path, its parts separated by `/`"}
	annotation := Param{Name: "name", Kind: String, Doc: "name of the annotation, such as `/private/comment`"}
	register(Function{
		Name:   "mailbox_exists",
		Family: "mailbox",
		Doc:    "Says whether the recipient's account has a mailbox of that path.",
		Params: []Param{mailbox},
		Result: Bool, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `mailbox_exists("No/Such")`, Want: `false`}, {Code: `mailbox_exists("")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.Mailboxes == nil {
				return false, nil
			}
			return bools(e.live.Mailboxes(e.Context, e.View.Rcpt.Account, a.String(0)))
		},
	})
	register(Function{
		Name:   "special_use_exists",
		Family: "mailbox",
		Doc:    "Says whether a mailbox of the recipient's account has a special use; without a mailbox whether any has it.",
		Params: []Param{{Name: "use", Kind: String, Doc: "attribute such as `\\Junk`, without case"},
			{Name: "mailbox", Kind: String, Optional: true, Doc: "path, its parts separated by `/`"}},
		Result: Bool, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `special_use_exists("\\None")`, Want: `false`}, {Code: `special_use_exists("\\Junk", "No/Such")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.MailStore == nil {
				return false, nil
			}
			return bools(e.live.MailStore.SpecialUse(e.Context, e.View.Rcpt.Account, a.String(1), a.String(0)))
		},
	})
	register(Function{
		Name:   "mailbox_id_exists",
		Family: "mailbox",
		Doc:    "Says whether the recipient's account has a mailbox with that id.",
		Params: []Param{{Name: "id", Kind: String, Doc: "MAILBOXID as IMAP shows it"}},
		Result: Bool, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `mailbox_id_exists("none")`, Want: `false`}, {Code: `mailbox_id_exists("")`, Want: `false`, Stage: StageData}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.MailStore == nil {
				return false, nil
			}
			return bools(e.live.MailStore.MailboxID(e.Context, e.View.Rcpt.Account, a.String(0)))
		},
	})
	register(Function{
		Name:   "metadata_get",
		Family: "mailbox",
		Doc:    "Returns an annotation of a mailbox of the recipient's account, null if there is none.",
		Params: []Param{mailbox, annotation},
		Result: String, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `metadata_get("INBOX", "/private/none")`, Want: `null`}, {Code: `metadata_get("", "/private/none")`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			if a.String(0) == "" {
				return nil, nil
			}
			return e.metadata(a.String(0), a.String(1))
		},
	})
	register(Function{
		Name:   "server_metadata_get",
		Family: "mailbox",
		Doc:    "Returns an annotation of the recipient's account as a whole, null if there is none.",
		Params: []Param{annotation},
		Result: String, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `server_metadata_get("/private/none")`, Want: `null`}, {Code: `server_metadata_get("/private/none")`, Error: "server_metadata_get is not lawful at stage rcpt; it is at data, deliver, imap", Stage: StageRcpt}},
		Call: func(e *Env, a Args) (Value, error) {
			return e.metadata("", a.String(0))
		},
	})
}

func (e *Env) metadata(mailbox, name string) (Value, error) {
	if e.live.MailStore == nil {
		return nil, nil
	}
	s, ok, err := e.live.MailStore.Metadata(e.Context, e.View.Rcpt.Account, mailbox, name)
	if err != nil || !ok {
		return nil, err
	}
	return s, nil
}
