package pipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxRecipients bounds the recipients of one command.
const maxRecipients = 1000

// ParseArgs reads the arguments of `sluice deliver`, and the path given with --socket.
//
//	-f SENDER -r RECIPIENT... [-o ORIGINAL] [-q QUEUE-ID] [-a CLIENT-ADDRESS]
//	-i -f SENDER -- RECIPIENT...           as sendmail is called
//
// A value stands alone or, for one that is not empty, glued to its letter. The sender is
// null if it is empty, <> or MAILER-DAEMON, which is what pipe(8) makes of it.
// sendmail's -oi, -oem and other options glued to -o are taken and mean nothing, as do -i
// and -F NAME.
func ParseArgs(args []string) (m Mail, socket string, err error) {
	sender := false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			m.Rcpts = append(m.Rcpts, args[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			m.Rcpts = append(m.Rcpts, arg)
			continue
		}
		name, value, glued := arg, "", false
		if strings.HasPrefix(arg, "--") {
			name, value, glued = strings.Cut(arg, "=")
		} else if len(arg) > 2 {
			name, value, glued = arg[:2], arg[2:], true
		}
		switch name {
		case "-i":
			continue
		case "-o":
			if glued {
				continue // -oi, -oem
			}
		}
		if !glued {
			if i++; i >= len(args) {
				return m, "", fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		switch name {
		case "-f", "--from":
			m.From, sender = value, true
		case "-r", "--to":
			m.Rcpts = append(m.Rcpts, value)
		case "-o", "--original":
			m.Original = value
		case "-q", "--queue-id":
			m.QueueID = value
		case "-a", "--client":
			m.Client = value
		case "--socket":
			socket = value
		case "-F":
		default:
			return m, "", fmt.Errorf("unknown option %.40q", name)
		}
	}
	switch {
	case !sender:
		return m, "", errors.New("the sender is missing: -f SENDER")
	case len(m.Rcpts) == 0:
		return m, "", errors.New("the recipient is missing: -r RECIPIENT")
	case len(m.Rcpts) > maxRecipients:
		return m, "", fmt.Errorf("%d recipients, at most %d are taken", len(m.Rcpts), maxRecipients)
	}
	if m.From == "<>" || strings.EqualFold(m.From, "MAILER-DAEMON") {
		m.From = ""
	}
	for _, a := range append([]string{m.From, m.Original, m.QueueID, m.Client}, m.Rcpts...) {
		if strings.ContainsFunc(a, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return m, "", errors.New("an argument holds a control character")
		}
	}
	if slices.Contains(m.Rcpts, "") {
		return m, "", errors.New("a recipient is empty")
	}
	return m, socket, nil
}
