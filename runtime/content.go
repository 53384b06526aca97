package runtime

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// content is what a run has read of its message as it is now: as it was received, as earlier
// scripts of the chain have edited it, and as the run itself has. Each piece is made when it is
// first asked for, and once.
type content struct {
	message *mail.Message
	body    *string // what body_text returns
	html    *string // what body_html returns
	plain   *string // what body_to_text returns
	// parts are the message's parts with their paths, and byPath their numbers in it.
	parts  []pathPart
	byPath map[string]int
	// attached are the attachments as attachments returns them.
	attached []Value
}

// pathPart is a part with its path.
type pathPart struct {
	path string
	*mail.Part
}

// Mail returns the message as it is now, with what earlier scripts of the chain and the run
// itself have edited; nil before there is one. View.Mail is the message as it was received.
func (e *Env) Mail() (*mail.Message, error) { return e.run.message() }

// message is Mail.
func (r *run) message() (*mail.Message, error) {
	if r.content.message == nil {
		header, raw, err := r.version()
		if err != nil {
			return nil, err
		}
		m := r.view.Mail()
		switch {
		case m == nil:
		case raw != nil:
			m = mail.New(raw)
		case header != nil:
			m = m.WithHeader(header)
		}
		r.content.message = m
	}
	return r.content.message, nil
}

// header returns the header of the message as it is now, an empty one before there is a message.
func (e *Env) header() (*mail.Header, error) {
	m, err := e.Mail()
	if err != nil {
		return nil, err
	}
	if m == nil {
		return noHeader, nil
	}
	return m.Header(), nil
}

var noHeader = mail.New(nil).Header()

// edited forgets what was read of the message. name is that of the only fields that changed, ""
// if it may be all.
func (c *content) edited(name string) {
	if name == "" || mail.DescribesContent(name) {
		*c = content{}
		return
	}
	// Parts point into the octets from before, which still say the same.
	c.message = nil
}

// allParts returns the parts of the message with their paths.
func (e *Env) allParts() ([]pathPart, error) {
	c := &e.run.content
	if c.byPath == nil {
		m, err := e.Mail()
		if err != nil {
			return nil, err
		}
		c.byPath = map[string]int{}
		if m != nil {
			for path, p := range m.Paths() {
				c.byPath[path] = len(c.parts)
				c.parts = append(c.parts, pathPart{path, p})
			}
		}
	}
	return c.parts, nil
}

// part returns the part of that path, nil if there is none.
func (e *Env) part(path string) (*mail.Part, error) {
	parts, err := e.allParts()
	if err != nil {
		return nil, err
	}
	if i, ok := e.run.content.byPath[path]; ok {
		return parts[i].Part, nil
	}
	return nil, nil
}

// text keeps a text that was made of the message, at most what a run may make of text.
func (e *Env) text(kept **string, build func(m *mail.Message) string) (Value, error) {
	if *kept == nil {
		m, err := e.Mail()
		if err != nil {
			return nil, err
		}
		all := ""
		if m != nil {
			all = build(m)
		}
		s := cut(all, int(e.View.Limits.Output))
		if len(s) < len(all) {
			s = strings.Clone(s)
		}
		*kept = &s
	}
	return **kept, nil
}

// isBody says whether a part is something to read: plain text or HTML that is no attachment.
func isBody(p *mail.Part) bool {
	return p.Type == "text" && (p.Subtype == "plain" || p.Subtype == "html") && p.Disposition != "attachment" && p.Filename() == ""
}

// isAttachment says whether a part is something that came with the message: a leaf, or a message,
// that is no body.
func isAttachment(p *mail.Part) bool { return !p.Multipart() && !isBody(p) }
