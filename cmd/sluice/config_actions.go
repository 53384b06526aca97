package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/sluice-mail/sluice/runtime"
)

// ActionsConfig is [actions].
type ActionsConfig struct {
	Quarantine string `toml:"quarantine" doc:"mailbox in which scripts put mail with quarantine, in the recipient's account; it is made if it is not there"`
}

func defaultActions() ActionsConfig { return ActionsConfig{Quarantine: "Quarantine"} }

// checkActions refuses settings of [actions] that nothing could follow.
func (c *Config) checkActions(bad func(path, format string, args ...any)) {
	if err := runtime.CheckMailbox(c.Actions.Quarantine); err != nil {
		bad("actions.quarantine", "%v", err)
	} else if runtime.IsInbox(c.Actions.Quarantine) {
		bad("actions.quarantine", "the inbox is no place for quarantined mail")
	}
}

// mailSettings says how the actions of scripts are done, in all languages.
func (c *Config) mailSettings() *runtime.MailSettings {
	return &runtime.MailSettings{
		Quarantine: c.Actions.Quarantine, ForbidAdd: c.Sieve.EditHeader.ForbidAdd, ForbidDelete: c.Sieve.EditHeader.ForbidDelete,
		HeaderSize: int(c.Sieve.EditHeader.MaxSize), Postmaster: c.Sieve.Postmaster, NotifyFrom: c.Sieve.NotifyFrom,
		NotifyRecipients: int(c.Sieve.Notify.Recipients),
	}
}

// writeScriptCounts writes the metrics that scripts have counted.
func writeScriptCounts(w io.Writer, m *runtime.Metrics) {
	all := m.All()
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "# TYPE sluice_script_count counter")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(w, "sluice_script_count{name=%q} %d\n", name, all[name])
	}
}
