package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// ereject refuses a message in the dialogue with the peer, never with a message of its own.
//
// Spec:   RFC 5429, section 2.1
// Status: complete
func init() {
	register(Extension{
		Name: "ereject", Spec: "RFC 5429, section 2.1", Status: "complete", Limits: "8 KiB of the reason are used",
		// ereject <reason: string>
		Commands: []Command{refusal("ereject", runtime.EReject)},
	})
}
