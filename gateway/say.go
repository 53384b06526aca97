package gateway

import (
	"context"
	"log/slog"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// maxSaid bounds the lines of one run in the server's log; its record has all of them.
const maxSaid = 20

// said are the levels of lines in the server's log. What is no error of the server's is none in its
// log: somebody would have to act.
var said = map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// say writes what a script said with log into the server's log, with the name of the script. The
// errors of users' scripts are warnings there.
func (in *Intake) say(s *scripts.Script, tx *runtime.Transaction, r *runtime.Record) {
	n := 0
	for _, note := range r.Notes {
		level, ok := said[note.Kind]
		if !ok {
			continue
		}
		if n++; n > maxSaid {
			in.log.Warn("the script says more than is logged", slog.String("script", s.Path), slog.String("message_id", tx.ID))
			return
		}
		if s.Trust == runtime.User {
			level = min(level, slog.LevelWarn)
		}
		in.log.Log(context.Background(), level, "script: "+note.Text, slog.String("script", s.Path), slog.String("language", s.Program.Language()),
			slog.String("stage", string(tx.Stage)), slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID))
	}
}

func (in *Intake) settings() *runtime.MailSettings {
	if in.o.Settings == nil {
		return nil
	}
	return in.o.Settings()
}
