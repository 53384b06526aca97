// Package runtime is the core that all script languages share: what a script may see,
// the functions it may call, what it may ask for, and how that is done.
//
//	Transaction ──► Engine.Run ──► Program.Run(Task)
//	                   │               │ Invoke, SetKeepFlags, Hit     (Link)
//	                   │               ▼
//	                   │        function table ──► Host ──► stores, mail store, network
//	                   ▼               │
//	                 Result ◄───────── Plan of Actions
//	                   │
//	                Settle ──► Journal.Put ──► answer to the peer ──► Apply ──► Target
//
// What it promises:
//
//   - Scripts never act. They append to a plan; Settle makes it lawful, Apply does it.
//   - Everything outside the run passes through Host.Do. A dry run, a replay and a real
//     delivery run the same code with another Host.
//   - A program reaches the core by Link only, in data that can cross a pipe: ServeCore
//     and RunRemote are the two ends of one.
//   - A run ends: every limit is an error that names it and that no script can catch.
//   - What was acknowledged is in the Journal until it is done, and doing it again does
//     nothing.
//
// No language is named here; a language is a value of type Language that is given to
// NewEngine. Adding a function is one file fn_NAME.go.
package runtime
