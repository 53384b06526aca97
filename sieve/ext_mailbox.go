package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// mailbox lets a script ask whether it may deliver to a mailbox, and make it on delivery.
//
// Spec:   RFC 5490, section 3
// Status: complete
func init() {
	register(Extension{
		Name: "mailbox", Spec: "RFC 5490, section 3", Status: "complete",

		// mailboxexists <mailbox-names: string-list>
		Tests: []Test{{
			Name: "mailboxexists", Args: []Arg{{Name: "mailbox-names", Kind: ListArgument}},
			Bind: func(_ *Binder, c *Call) Check {
				names := c.Texts("mailbox-names")
				return func(r *Run) (bool, error) {
					for i := range names {
						v, err := r.task.Invoke("mailbox_exists", names[i].Value(r))
						if ok, _ := v.(bool); err != nil || !ok {
							return false, err
						}
					}
					return true, nil
				}
			},
		}},

		// fileinto [:create] <mailbox: string>
		Tags: []Tag{{
			Name: "create", On: []string{"fileinto"},
			Bind: func(_ *Binder, c *Call, _ *TagUse) {
				c.Edit(func(_ *Run, a *runtime.Action) { a.Create = true })
			},
		}},
	})
}
