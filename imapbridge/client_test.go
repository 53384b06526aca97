package imapbridge

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// login connects go-imap's client.
func login(t testing.TB, addr string, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Login("alice", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// must returns v unless there is an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const nested = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: a@x, Team: b@y, c@z;\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n" +
	"Date: Wed, 04 Mar 2026 05:06:07 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" +
	"--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhällo\r\n" +
	"--inner\r\nContent-Type: text/html\r\nContent-Language: de, en\r\n\r\n<p>\r\n--inner--\r\n" +
	"--outer\r\nContent-Type: image/png; name=\"a \\\"b\\\".png\"\r\nContent-ID: <img>\r\nContent-Transfer-Encoding: base64\r\n" +
	"Content-Disposition: attachment; filename=b.png\r\n\r\niVBORw==\r\n" +
	"--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninside\r\n--outer--\r\n"

func TestGoIMAPsClient(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) Backend{
		"memory": func(*testing.T) Backend { return newMemory() },
		"local":  openLocal,
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, Options{Authenticate: authAlice(open(t))})
			exists := make(chan uint32, 10)
			watcher := login(t, addr, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
				Mailbox: func(d *imapclient.UnilateralDataMailbox) {
					if d.NumMessages != nil {
						exists <- *d.NumMessages
					}
				},
			}})
			must[*imap.SelectData](t)(watcher.Select("INBOX", nil).Wait())
			idle := must[*imapclient.IdleCommand](t)(watcher.Idle())

			c := login(t, addr, nil)
			appending := c.Append("INBOX", int64(len(nested)), &imap.AppendOptions{
				Flags: []imap.Flag{imap.FlagSeen, "work"}, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			})
			must[int64](t)(io.Copy(appending, strings.NewReader(nested)))
			if err := appending.Close(); err != nil {
				t.Fatal(err)
			}
			if d := must[*imap.AppendData](t)(appending.Wait()); d.UID != 1 || d.UIDValidity == 0 {
				t.Errorf("APPENDUID: got %+v", d)
			}
			select {
			case n := <-exists:
				if n != 1 {
					t.Errorf("the idle client hears of %d messages", n)
				}
			case <-time.After(10 * time.Second):
				t.Error("the idle client hears nothing")
			}
			if err := idle.Close(); err != nil {
				t.Error(err)
			}
			if err := idle.Wait(); err != nil {
				t.Error(err)
			}

			sel := must[*imap.SelectData](t)(c.Select("INBOX", nil).Wait())
			if sel.NumMessages != 1 || sel.UIDNext != 2 {
				t.Errorf("SELECT: got %+v", sel)
			}
			section := &imap.FetchItemBodySection{Peek: true}
			msgs := must[[]*imapclient.FetchMessageBuffer](t)(c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{
				UID: true, Flags: true, Envelope: true, InternalDate: true, RFC822Size: true,
				BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{section},
			}).Collect())
			if len(msgs) != 1 {
				t.Fatalf("got %d messages", len(msgs))
			}
			checkNested(t, msgs[0])
			if got := msgs[0].FindBodySection(section); !bytes.Equal(got, []byte(nested)) {
				t.Errorf("BODY[]: got %q", got)
			}

			if d := must[*imap.CopyData](t)(c.Copy(imap.UIDSetNum(1), "Archive").Wait()); d.SourceUIDs.String() != "1" || d.DestUIDs.String() != "1" {
				t.Errorf("COPYUID: got %+v", d)
			}
			found := must[*imap.SearchData](t)(c.UIDSearch(&imap.SearchCriteria{
				Body: []string{"HÄLLO"}, Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "GRÜẞE"}},
			}, &imap.SearchOptions{ReturnCount: true, ReturnAll: true}).Wait())
			if found.Count != 1 || found.All.String() != "1" {
				t.Errorf("SEARCH: got %+v", found)
			}
			stored := must[[]*imapclient.FetchMessageBuffer](t)(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{
				Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted},
			}, nil).Collect())
			if len(stored) != 1 || len(stored[0].Flags) < 3 {
				t.Errorf("STORE: got %+v", stored)
			}
			gone := must[[]uint32](t)(c.UIDExpunge(imap.UIDSetNum(1)).Collect())
			if len(gone) != 1 || gone[0] != 1 {
				t.Errorf("EXPUNGE: got %v", gone)
			}
			must[*imap.SelectData](t)(c.Select("Archive", nil).Wait())
			if d := must[*imapclient.MoveData](t)(c.Move(imap.SeqSetNum(1), "Trash").Wait()); d.DestUIDs == nil || d.DestUIDs.String() != "1" {
				t.Errorf("MOVE: got %+v", d)
			}
			status := must[*imap.StatusData](t)(c.Status("Trash", &imap.StatusOptions{NumMessages: true, UIDNext: true, Size: true}).Wait())
			if *status.NumMessages != 1 || status.UIDNext != 2 || *status.Size != int64(len(nested)) {
				t.Errorf("STATUS: got %+v", status)
			}
			list := must[[]*imap.ListData](t)(c.List("", "%", nil).Collect())
			if len(list) != 6 || list[0].Mailbox != "INBOX" {
				t.Errorf("LIST: got %+v", list)
			}
			must[*imap.NamespaceData](t)(c.Namespace().Wait())
			if err := c.Unselect().Wait(); err != nil {
				t.Error(err)
			}
			if err := c.Logout().Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkNested compares what the client understood of the nested message.
func checkNested(t *testing.T, m *imapclient.FetchMessageBuffer) {
	t.Helper()
	if m.UID != 1 || m.RFC822Size != int64(len(nested)) || !m.InternalDate.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("got UID %d, size %d, date %v", m.UID, m.RFC822Size, m.InternalDate)
	}
	e := m.Envelope
	if e.Subject != "grüße" || e.MessageID != "1@example.org" || len(e.From) != 1 || e.From[0].Name != "Jürgen" || e.From[0].Addr() != "j@example.org" {
		t.Errorf("ENVELOPE: got %+v", e)
	}
	if len(e.To) != 5 || !e.To[1].IsGroupStart() || e.To[1].Mailbox != "Team" || !e.To[4].IsGroupEnd() {
		t.Errorf("groups: got %+v", e.To)
	}
	var parts []string
	m.BodyStructure.Walk(func(path []int, part imap.BodyStructure) bool {
		parts = append(parts, part.MediaType())
		return true
	})
	want := []string{"multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png", "message/rfc822", "text/plain"}
	if diff := cmp.Diff(want[:6], parts[:min(6, len(parts))]); diff != "" {
		t.Errorf("BODYSTRUCTURE: %s", diff)
	}
	outer, ok := m.BodyStructure.(*imap.BodyStructureMultiPart)
	if !ok || len(outer.Children) != 3 {
		t.Fatalf("BODYSTRUCTURE: got %#v", m.BodyStructure)
	}
	image := outer.Children[1].(*imap.BodyStructureSinglePart)
	if image.ID != "<img>" || image.Encoding != "base64" || image.Params["name"] != `a "b".png` || image.Filename() != "b.png" || image.Size != 8 {
		t.Errorf("image: got %+v", image)
	}
	inner := outer.Children[2].(*imap.BodyStructureSinglePart)
	if inner.MessageRFC822 == nil || inner.MessageRFC822.Envelope.Subject != "in" || inner.MessageRFC822.NumLines != 2 {
		t.Errorf("message: got %+v", inner.MessageRFC822)
	}
	html := outer.Children[0].(*imap.BodyStructureMultiPart).Children[1].(*imap.BodyStructureSinglePart)
	if diff := cmp.Diff([]string{"de", "en"}, html.Extended.Language); diff != "" {
		t.Errorf("language: %s", diff)
	}
}
