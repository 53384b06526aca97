package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// An MTA delivers while the server is killed again and again. Whatever was answered with
// 250 is there, once; what was not answered is sent again and is there once too; no UID
// ever stands for two messages.
func TestKilledInTheMiddleOfDeliveries(t *testing.T) {
	const clients = 4
	rounds := 50
	if os.Getenv("SLUICE_PROOF") != "" {
		rounds = 200
	}
	relay := freeAddress(t) // nobody listens there until the crashes are over
	s := newServer(t, fmt.Sprintf("[relay]\naddress = %q\n[[script]]\npath = \"$DIR/plan.sieve\"\n", relay), wholePlan)
	s.start()
	s.addAccount("ida", "secret")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	var stop atomic.Bool
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	for k := range clients {
		wg.Go(func() {
			var c *lmtpClient
			for i := 0; !stop.Load(); i++ {
				id := fmt.Sprintf("<m%d-%d@remote.test>", k, i)
				raw := []byte("From: a@remote.test\r\nTo: ida@example.test\r\nSubject: x\r\nMessage-ID: " + id + "\r\n\r\n" + strings.Repeat("line\r\n", i%500))
				// As an MTA does, the same message again until somebody answers for it. It ends with
				// an answered message, so that nothing is in doubt.
				for {
					if c == nil {
						var err error
						if c, err = tryLMTP(s.lmtp); err != nil {
							c = nil
							<-time.After(5 * time.Millisecond) // the server is down: an MTA's pause
							continue
						}
					}
					answers, err := c.trySend("a@remote.test", []string{"ida@example.test"}, raw)
					if err == nil && strings.HasPrefix(answers[0], "250") {
						mu.Lock()
						acked = append(acked, id)
						mu.Unlock()
						break
					}
					c.conn.Close()
					c = nil
				}
			}
			if c != nil {
				c.close()
			}
		})
	}
	owner := map[string]map[imap.UID]string{}
	for range rounds {
		<-time.After(time.Duration(rng.IntN(150)) * time.Millisecond) // the moment of the crash is the test's input
		s.kill()
		s.start()
		checkUIDs(t, s, owner)
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d messages answered over %d crashes", len(acked), rounds)
	for _, box := range []string{"INBOX", "Copies"} {
		times := map[string]int{}
		for _, m := range s.mailbox(s.login("ida", "secret"), box) {
			times[messageID(m.raw)]++
		}
		for _, id := range acked {
			if times[id] != 1 {
				t.Errorf("%s was answered with 250 and is %d times in %s", id, times[id], box)
			}
		}
		if len(times) != len(acked) {
			t.Errorf("%s has %d messages, answered were %d", box, len(times), len(acked))
		}
	}
	if out := s.sluice("", "kv", "list", "--script", "admin", "--limit", "0", "seen "); strings.Count(out, "seen <") != len(acked) {
		t.Errorf("%d marks for %d messages", strings.Count(out, "seen <"), len(acked))
	}
	checkRelay(t, s, relay, acked)
	if out := s.sluice("", "mailbox", "check", "ida"); !strings.Contains(out, "consistent") {
		t.Errorf("mailbox check says %s", out)
	}
	s.stop()
}

var idLine = regexp.MustCompile(`(?i)\r\nMessage-ID: (\S+)`)

func messageID(raw []byte) string {
	if m := idLine.FindSubmatch(raw); m != nil {
		return string(m[1])
	}
	return ""
}

// checkUIDs fails if a UID stands for another message than it did before.
func checkUIDs(t *testing.T, s *server, owner map[string]map[imap.UID]string) {
	t.Helper()
	c := s.login("ida", "secret")
	defer c.Close()
	for _, box := range []string{"INBOX", "Copies"} {
		data, err := c.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			if box == "Copies" {
				continue // not made yet
			}
			t.Fatal(err)
		}
		key := fmt.Sprint(box, " ", data.UIDValidity)
		if owner[key] == nil {
			owner[key] = map[imap.UID]string{}
		}
		if data.NumMessages == 0 {
			continue
		}
		msgs, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: data.NumMessages}}, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			id := "<" + strings.Trim(m.Envelope.MessageID, "<>") + ">"
			if was, ok := owner[key][m.UID]; ok && was != id {
				t.Errorf("%s: UID %d was %s and is %s", key, m.UID, was, id)
			}
			owner[key][m.UID] = id
		}
	}
	if len(owner) > 2 {
		t.Errorf("UIDVALIDITY changed: %d pairs of mailbox and UIDVALIDITY", len(owner))
	}
}

// Two different messages with one Message-ID, and the same octets in two answered
// transactions, are all stored.
func TestNothingThatWasAnsweredIsTakenForARepeat(t *testing.T) {
	s := startServer(t, "", nil)
	s.addAccount("jo", "secret")
	same := "Message-ID: <one@remote.test>\nSubject: same\n\nsame\n"
	other := "Message-ID: <one@remote.test>\nSubject: other\n\nother\n"
	s.deliver("a@remote.test", "jo@example.test", same, same, other)
	s.deliver("a@remote.test", "jo@example.test", same)
	if n := len(s.mailbox(s.login("jo", "secret"), "INBOX")); n != 4 {
		t.Errorf("jo has %d messages, want 4", n)
	}
}
