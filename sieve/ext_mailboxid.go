package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// mailboxid files into the mailbox with an id, whatever its name is by then.
//
// Spec:   RFC 9042
// Status: complete
func init() {
	register(Extension{
		Name: "mailboxid", Spec: "RFC 9042", Status: "complete",

		// fileinto [:mailboxid <mailboxid: string>] <mailbox: string>
		Tags: []Tag{{
			Name: "mailboxid", On: []string{"fileinto"}, Args: []Arg{{Name: "mailboxid", Kind: StringArgument}},
			Bind: func(_ *Binder, c *Call, u *TagUse) {
				id := u.Text()
				c.Edit(func(r *Run, a *runtime.Action) { a.MailboxID = id.Value(r) })
			},
		}},
		// mailboxidexists <mailbox-objectids: string-list>
		Tests: []Test{{
			Name: "mailboxidexists", Args: []Arg{{Name: "mailbox-objectids", Kind: ListArgument}},
			Bind: func(_ *Binder, c *Call) Check {
				ids := c.Texts("mailbox-objectids")
				return func(r *Run) (bool, error) {
					for i := range ids {
						v, err := r.task.Invoke("mailbox_id_exists", ids[i].Value(r))
						if ok, _ := v.(bool); err != nil || !ok {
							return false, err
						}
					}
					return true, nil
				}
			},
		}},
	})
}
