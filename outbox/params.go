package outbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// params are the ESMTP parameters of a message, as far as they can be read. One that
// cannot be used is left out: mail is not lost over it.
type params struct {
	ret   smtp.DSNReturn
	envid string
	rcpt  smtp.RcptOptions
	by    *by
}

// by is what BY asks for.
//
// Spec: RFC 2852, section 4.1.4.
type by struct {
	limit time.Duration // from when the message was queued
	back  bool          // by-mode R: the message comes back when the time is over
	trace bool
}

// within returns what is left of the time.
func (b *by) within(waited time.Duration) time.Duration { return b.limit - waited }

func readParams(text string) (p params) {
	var m map[string]string
	if text == "" || json.Unmarshal([]byte(text), &m) != nil {
		return p
	}
	switch ret := smtp.DSNReturn(strings.ToUpper(m["RET"])); ret {
	case smtp.DSNReturnFull, smtp.DSNReturnHeaders:
		p.ret = ret
	}
	if isPrintable(m["ENVID"]) && len(m["ENVID"]) <= 100 {
		p.envid = m["ENVID"]
	}
	p.rcpt.Notify = readNotify(m["NOTIFY"])
	if kind, address, ok := strings.Cut(m["ORCPT"], ";"); ok && strings.EqualFold(kind, "rfc822") && isPrintable(address) && len(address) <= 500 {
		p.rcpt.OriginalRecipientType, p.rcpt.OriginalRecipient = smtp.DSNAddressTypeRFC822, address
	}
	if seconds, mode, ok := strings.Cut(strings.ToUpper(m["BY"]), ";"); ok {
		n, err := strconv.ParseInt(seconds, 10, 32)
		kind := strings.TrimSuffix(mode, "T")
		if err == nil && (kind == "R" || kind == "N") {
			p.by = &by{limit: time.Duration(n) * time.Second, back: kind == "R", trace: mode != kind}
		}
	}
	return p
}

// wantsFailure says whether the sender is to hear of a failure.
//
// Spec: RFC 3461, section 4.1
func (p params) wantsFailure() bool {
	return len(p.rcpt.Notify) == 0 || slices.Contains(p.rcpt.Notify, smtp.DSNNotifyFailure)
}

// readNotify reads the value of NOTIFY; nil if it is none.
//
// Spec: RFC 3461, section 4.1.
func readNotify(s string) []smtp.DSNNotify {
	if s == "" {
		return nil
	}
	var list []smtp.DSNNotify
	seen := map[string]bool{}
	for w := range strings.SplitSeq(strings.ToUpper(s), ",") {
		switch w = strings.TrimSpace(w); {
		case w == "NEVER" && strings.EqualFold(s, "NEVER"), w == "SUCCESS", w == "FAILURE", w == "DELAY":
			if !seen[w] {
				seen[w] = true
				list = append(list, smtp.DSNNotify(w))
			}
		default:
			return nil
		}
	}
	return list
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// deliverBy returns the sender as the client is to write it, with BY behind it. The client
// knows BY only as a parameter of RCPT, where no relay expects it, and puts the sender as it is
// between < and >: a parameter with an empty value in brackets takes the last of them.
func (s *session) deliverBy(from string, p params, left time.Duration) string {
	tail := ""
	if ok, _ := s.client.Extension("AUTH"); ok {
		tail = "AUTH=<"
	} else if ok, _ := s.client.Extension("DSN"); ok && p.envid == "" {
		tail = "ENVID=<"
	} else {
		return from
	}
	mode := "N"
	if p.by.back {
		mode = "R"
	}
	if p.by.trace {
		mode += "T"
	}
	return fmt.Sprintf("%s> BY=%d;%s %s", from, int64(left.Seconds()), mode, tail)
}
