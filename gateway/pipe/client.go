package pipe

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strings"

	"github.com/sluice-mail/sluice/gateway"
)

// client is an LMTP session with the server.
type client struct {
	conn net.Conn
	text *textproto.Reader
	w    *bufio.Writer
}

// answer reads one answer.
func (c *client) answer() (gateway.Outcome, error) {
	code, text, err := c.text.ReadResponse(0)
	if err != nil {
		return gateway.Outcome{}, fmt.Errorf("the server's answer: %w", err)
	}
	o := gateway.Outcome{Code: code, Text: text}
	status, rest, ok := strings.Cut(text, " ")
	if ok && strings.Count(status, ".") == 2 && strings.Trim(status, "0123456789.") == "" {
		// Each line repeats the status.
		o.Enhanced, o.Text = status, strings.ReplaceAll(rest, "\n"+status+" ", "\n")
	}
	return o, nil
}

// do sends a command and reads its answer.
func (c *client) do(format string, args ...any) (gateway.Outcome, error) {
	fmt.Fprintf(c.w, format+"\r\n", args...)
	if err := c.w.Flush(); err != nil {
		return gateway.Outcome{}, fmt.Errorf("writing to the server: %w", err)
	}
	return c.answer()
}

// send hands m to the server on the socket and returns one outcome per recipient. It
// takes its leave only if nobody has to come again: a session that ends without a word
// tells the server that its answers may be lost.
func send(ctx context.Context, socket string, m Mail) ([]gateway.Outcome, error) {
	if socket == "" {
		return nil, errNoServer
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		if noServer(err) {
			return nil, fmt.Errorf("%w: %w", errNoServer, err)
		}
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	c := &client{conn: conn, text: textproto.NewReader(bufio.NewReader(conn)), w: bufio.NewWriter(conn)}
	outcomes, err := c.deliver(m)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		if !o.Accepted() && o.Code/100 != 5 {
			return outcomes, nil
		}
	}
	c.do("QUIT") // the answers are ours, whatever this one says
	return outcomes, nil
}

func (c *client) deliver(m Mail) ([]gateway.Outcome, error) {
	all := make([]gateway.Outcome, len(m.Rcpts))
	everybody := func(o gateway.Outcome) []gateway.Outcome {
		for i := range all {
			all[i] = o
		}
		return all
	}
	if o, err := c.answer(); err != nil || !o.Accepted() {
		return everybody(o), err
	}
	hello, err := c.do("LHLO %s", hostname())
	if err != nil || !hello.Accepted() {
		return everybody(hello), err
	}
	if strings.Contains("\n"+hello.Text, "\nXFORWARD ") {
		if err := c.xforward(m); err != nil {
			return nil, err
		}
	}
	params := ""
	if !isASCII(m.From + strings.Join(m.Rcpts, "")) {
		params = " SMTPUTF8"
	}
	if o, err := c.do("MAIL FROM:<%s> SIZE=%d%s", quoted(m.From), len(m.Raw), params); err != nil || !o.Accepted() {
		return everybody(o), err
	}
	var taken []int
	for i, r := range m.Rcpts {
		params := ""
		if m.Original != "" {
			params = " ORCPT=rfc822;" + xtext(m.Original)
		}
		o, err := c.do("RCPT TO:<%s>%s", quoted(r), params)
		if err != nil {
			return nil, err
		}
		if all[i] = o; o.Accepted() {
			taken = append(taken, i)
		}
	}
	if len(taken) == 0 {
		return all, nil
	}
	o, err := c.do("DATA")
	if err != nil {
		return nil, err
	}
	if o.Code != 354 {
		for _, i := range taken {
			all[i] = o
		}
		return all, nil
	}
	if err := c.data(m.Raw); err != nil {
		return nil, err
	}
	for _, i := range taken {
		if all[i], err = c.answer(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// xforward tells what is known of the MTA's client and queue. A server that does not want
// to know is no reason to stop.
func (c *client) xforward(m Mail) error {
	var attrs []string
	if m.QueueID != "" {
		attrs = append(attrs, "IDENT="+xtext(m.QueueID))
	}
	if m.Client != "" {
		attrs = append(attrs, "ADDR="+xtext(m.Client))
	}
	if len(attrs) == 0 {
		return nil
	}
	_, err := c.do("XFORWARD %s", strings.Join(attrs, " "))
	return err
}

// data sends the message, whose line ends are CRLF, with its dots doubled.
func (c *client) data(raw []byte) error {
	start := true
	for i, b := range raw {
		if start && b == '.' {
			c.w.WriteByte('.')
		}
		c.w.WriteByte(b)
		start = b == '\n' && i > 0 && raw[i-1] == '\r'
	}
	c.w.WriteString(".\r\n")
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("writing to the server: %w", err)
	}
	return nil
}

// quoted returns an address as it stands between angle brackets. MTAs hand local parts over as they
// are, without quotes, and what would end the path or the command's word is quoted here.
//
// Spec: RFC 5321, section 4.1.2.
func quoted(address string) string {
	inside, plain := false, true
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case c == '\\' && inside:
			i++
		case c == '"':
			inside = !inside
		case (c == ' ' || c == '<' || c == '>') && !inside:
			plain = false
		}
	}
	if plain && !inside {
		return address
	}
	local, domain := address, ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local, domain = address[:at], address[at:]
	}
	if strings.ContainsAny(domain, ` <>"`) { // no domain at all
		local, domain = address, ""
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"` + domain
}

func hostname() string {
	if h, err := os.Hostname(); err == nil && h != "" && isASCII(h) && !strings.ContainsAny(h, " \t") {
		return h
	}
	return "localhost"
}

// xtext encodes what cannot stand in a parameter. Spec: RFC 3461, section 4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > 0x7e || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7e {
			return false
		}
	}
	return true
}
