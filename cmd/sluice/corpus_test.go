package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/corpus"
)

// metric returns the sum of a metric's samples.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	res, err := http.Get("http://" + s.http + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (\S+)$`).FindAllStringSubmatch(string(text), -1)
	if found == nil {
		s.t.Fatalf("there is no metric %s in\n%s", name, text)
	}
	sum := 0.0
	for _, f := range found {
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// Every message of the corpus, and our own hostile ones, passes a script of each language
// and comes back over IMAP with every octet that DATA had.
func TestCorpusComesBackOctetForOctet(t *testing.T) {
	s := startServer(t, `
[[script]]
path = "$DIR/a.sieve"
accounts = ["sieve"]
[[script]]
path = "$DIR/a.expr"
accounts = ["expr"]
[[script]]
path = "$DIR/a.js"
accounts = ["js"]
`, map[string]string{
		"a.sieve": `require ["fileinto", "imap4flags", "variables", "relational", "envelope"];
set "subject" "";
if header :matches "subject" "*" { set :lower "subject" "${1}"; }
if anyof (header :contains ["list-id", "precedence"] ["list", "bulk"], address :domain :is "from" "lists.example") { addflag "$List"; }
if size :over 100K { addflag "$Large"; }
if allof (header :matches "received" "*from*", not exists "x-no-such-header", header :count "ge" "received" "9") { addflag "$Far"; }
keep;`,
		"a.expr": `let s = to_lowercase(header("subject"));
header("list-id") != "" or header("precedence") in ["list", "bulk"] ? keep(["$List"]) : (size() > 100000 ? keep(["$Large"]) : keep())`,
		"a.js": `const s = to_lowercase(header("subject") || "");
if (header("list-id") || /list|bulk/i.test(header("precedence") || "")) keep(["$List"]);
else if (size() > 100000) keep(["$Large"]);
else keep();`,
	})
	rcpts := []string{"sieve@example.test", "expr@example.test", "js@example.test"}
	for _, r := range rcpts {
		name, _, _ := strings.Cut(r, "@")
		s.addAccount(name, "secret")
	}

	type message struct {
		name string
		raw  []byte
	}
	queue := make(chan message)
	want := map[[32]byte]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := tryLMTP(s.lmtp)
			if err != nil {
				t.Error(err)
			}
			for m := range queue {
				if err != nil {
					continue
				}
				answers, e := c.trySend("sender@remote.test", rcpts, m.raw)
				if err = e; err != nil {
					t.Errorf("%s: %v", m.name, err)
				}
				for i, a := range answers {
					if !strings.HasPrefix(a, "250") {
						t.Errorf("%s for %s: %s", m.name, rcpts[i], a)
					}
				}
			}
			if err == nil {
				c.close()
			}
		})
	}
	total := 0
	push := func(name string, raw []byte) {
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(bytes.Clone(raw), "\r\n"...) // DATA cannot carry less
		}
		total++
		want[sha256.Sum256(append([]byte("Return-Path: <sender@remote.test>\r\n"), raw...))]++
		queue <- message{name, raw}
	}
	for name, raw := range corpus.Messages(t) {
		push(name, raw)
	}
	for name, raw := range corpus.Own() {
		push(name, raw)
	}
	close(queue)
	wg.Wait()
	if total < 6046 {
		t.Errorf("the corpus has %d messages, want 6046 and our own", total)
	}
	if n := s.metric("sluice_script_errors_total"); n != 0 {
		t.Errorf("%v runs of scripts failed", n)
	}
	if n := s.metric("sluice_script_runs_total"); int(n) != 3*total {
		t.Errorf("%v runs of scripts, want %d", n, 3*total)
	}
	for _, r := range rcpts {
		name, _, _ := strings.Cut(r, "@")
		compareMailbox(t, s, name, total, want)
	}
}

func compareMailbox(t *testing.T, s *server, account string, total int, want map[[32]byte]int) {
	c := s.login(account, "secret")
	box, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if int(box.NumMessages) != total {
		t.Errorf("%s has %d messages, want %d", account, box.NumMessages, total)
	}
	got := map[[32]byte]int{}
	const batch = 200
	for from := uint32(1); from <= box.NumMessages; from += batch {
		set := imap.SeqSet{{Start: from, Stop: min(from+batch-1, box.NumMessages)}}
		section := &imap.FetchItemBodySection{Peek: true}
		msgs, err := c.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			raw := m.FindBodySection(section)
			if int64(len(raw)) != m.RFC822Size {
				t.Errorf("UID %d: RFC822.SIZE %d, octets %d", m.UID, m.RFC822Size, len(raw))
			}
			sum := sha256.Sum256(raw)
			got[sum]++
			if want[sum] == 0 {
				t.Errorf("%s UID %d is no message that was sent: %.80q", account, m.UID, raw)
			}
		}
	}
	for sum, n := range want {
		if got[sum] != n {
			t.Errorf("%s has %d copies of a message that was sent %d times (%s)", account, got[sum], n, fmt.Sprintf("%x", sum[:4]))
		}
	}
}
