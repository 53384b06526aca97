package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func FuzzRefusal(f *testing.F) {
	for _, s := range []string{"", "5.1.1 no", "a\r\nb", "\x00\x1b", "größer", "4.2.2 x", strings.Repeat("ä", 3000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reason string) {
		for _, kind := range []runtime.ActionKind{runtime.Reject, runtime.TempFail} {
			o := answerOf(runtime.Action{Kind: kind, Reason: reason})
			bad := func(r rune) bool { return r != '\n' && (r < ' ' || r > 0x7e) }
			if o.Text == "" || len(o.Text) > maxReason || strings.ContainsFunc(o.Text, bad) || int(o.Enhanced[0]-'0') != o.Code/100 {
				t.Errorf("%q became %+v", reason, o)
			}
		}
	})
}

// FuzzReply has any subject, text and message become one reply with its own fields only.
func FuzzReply(f *testing.F) {
	f.Add("Re: x\r\nBcc: y@z", "text\n.\n", []byte("Message-ID: <1@x>\r\n\r\n"))
	f.Add("\x80\xff", "\x00", []byte("Message-ID: <\xff\r\n y>\r\n\r\n"))
	in := &Intake{o: Options{Hostname: "mail.example.org"}}
	f.Fuzz(func(t *testing.T, subject, text string, raw []byte) {
		d := &runtime.Delivery{Time: time.Unix(0, 0), From: runtime.Path{Address: "a@remote.example"}, Raw: raw}
		r := runtime.Recipient{Path: runtime.Path{Address: "anna@example.org"}}
		got := in.replyTo(d, r, "key", runtime.Action{Subject: subject, Reason: text})
		m := mail.New(got)
		if n := len(m.Header().Fields()); n < 9 || n > 11 {
			t.Errorf("%d fields:\n%s", n, m.Header().Raw())
		}
		for l := range strings.SplitSeq(string(got), "\r\n") {
			if len(l) > 998 || strings.ContainsAny(l, "\r\n\x00") {
				t.Errorf("a line %.1200q", l)
			}
		}
	})
}

func FuzzFoldPath(f *testing.F) {
	for _, s := range []string{"inbox", "INBOX/a", "A/", "", "/", "InBoX/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		once := foldPath(path)
		if !strings.HasSuffix(once, "/") && foldPath(once) != once {
			t.Errorf("%q folds to %q and that to %q", path, once, foldPath(once))
		}
	})
}
