package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// copy lets fileinto, redirect and pipe leave the implicit keep alone.
//
// Spec:   RFC 3894
// Status: complete
func init() {
	register(Extension{
		Name: "copy", Spec: "RFC 3894", Status: "complete",
		Tags: []Tag{{
			Name: "copy", On: []string{"fileinto", "redirect", "pipe"},
			Bind: func(_ *Binder, c *Call, _ *TagUse) {
				c.Edit(func(_ *Run, a *runtime.Action) { a.Copy = true })
			},
		}},
	})
}
