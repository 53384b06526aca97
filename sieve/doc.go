// Package sieve runs mail filter scripts in Sieve, RFC 5228, and its extensions.
//
//	source ── lexer ── parser ──> Script        the tree: spans, comments, several errors
//	                                │
//	                             Binder         checks; prepares keys, slots, closures
//	                                │
//	                             program ──> Run for a runtime.Task ──> actions in its plan
//
// What the package promises:
//
//   - A script is refused with every error found, each as file:line:col: message, or
//     it is bound completely; nothing of it is dropped or guessed.
//   - A bound program is immutable and may run many times at once.
//   - Text that comes from a message is data: it is never looked at for variables or
//     encoded characters.
//   - A run touches nothing but its Task; it ends by the limits of the Task.
//
// An extension is one value of type Extension. Those of this package register
// themselves, one file each (ext_NAME.go); others are handed to New in Options.
package sieve
