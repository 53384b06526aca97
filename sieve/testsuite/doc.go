// Package testsuite runs test files of Sieve: scripts (.svtest) that require
// vnd.dovecot.testsuite, set messages, compile and run other scripts, carry out what they
// ask for in a mail store of the test's own, and look at what came of it.
//
//	file.svtest ─ sieve.Program ─ Task ─┬─ commands and tests of this room ─ suite
//	                                    │    test_script_run ─ runtime.Engine ─ Plan ─┐
//	                                    └─ actions of the file itself ────────────────┤
//	                 mailboxes, outgoing mail ◄─ runtime.Apply ◄─ runtime.Settle ◄─────┘
//
// What is tested is the code of deliveries: engine, plans, settling and applying are those
// of a server. Only the mail store and the way out are this room's own.
//
// Spec: the testsuite extension of Pigeonhole, as its own suite uses it
package testsuite
