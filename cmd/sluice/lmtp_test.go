package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// lmtpClient is an MTA's end of an LMTP session, bare so that tests own every octet.
type lmtpClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func dialLMTP(t testing.TB, addr string) *lmtpClient {
	t.Helper()
	c, err := tryLMTP(addr)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	return c
}

func tryLMTP(addr string) (*lmtpClient, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	c := &lmtpClient{conn: conn, r: bufio.NewReader(conn)}
	if _, err := c.answer(); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := c.command("LHLO client.test"); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// answer reads one answer, all its lines.
func (c *lmtpClient) answer() (string, error) {
	var all []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		all = append(all, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(all, "\n"), nil
		}
	}
}

func (c *lmtpClient) command(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.conn, format+"\r\n", args...); err != nil {
		return "", err
	}
	return c.answer()
}

// trySend delivers one message and returns an answer per recipient; a recipient that was
// refused at RCPT has that answer. err says that the session broke: then nothing is known.
func (c *lmtpClient) trySend(from string, rcpts []string, raw []byte) ([]string, error) {
	if a, err := c.command("MAIL FROM:<%s>", from); err != nil {
		return nil, err
	} else if !strings.HasPrefix(a, "250") {
		return nil, fmt.Errorf("MAIL: %s", a)
	}
	answers := make([]string, len(rcpts))
	taken := 0
	for i, r := range rcpts {
		a, err := c.command("RCPT TO:<%s>", r)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(a, "250") {
			taken++
		} else {
			answers[i] = a
		}
	}
	if taken == 0 {
		_, err := c.command("RSET")
		return answers, err
	}
	if a, err := c.command("DATA"); err != nil {
		return nil, err
	} else if !strings.HasPrefix(a, "354") {
		return nil, fmt.Errorf("DATA: %s", a)
	}
	if _, err := c.conn.Write(dotStuff(raw)); err != nil {
		return nil, err
	}
	for i := range answers {
		if answers[i] != "" {
			continue
		}
		a, err := c.answer()
		if err != nil {
			return answers, err
		}
		answers[i] = a
	}
	return answers, nil
}

func (c *lmtpClient) send(from string, rcpts []string, raw []byte) []string {
	c.t.Helper()
	answers, err := c.trySend(from, rcpts, raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return answers
}

func (c *lmtpClient) close() {
	c.command("QUIT")
	c.conn.Close()
}

// dotStuff is raw as DATA carries it: a dot doubled at the start of each line (after CRLF only), and the
// final dot. raw ends with CRLF, or gets one.
func dotStuff(raw []byte) []byte {
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		raw = append(bytes.Clone(raw), "\r\n"...)
	}
	out := bytes.ReplaceAll(append([]byte("\r\n"), raw...), []byte("\r\n."), []byte("\r\n.."))
	return append(out[2:], ".\r\n"...)
}
