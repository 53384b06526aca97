package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
)

// crashDir is set in the process that is to be killed.
const crashDir = "SLUICE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Println("error", crashWriter(dir, os.Getenv(crashDir+"_SEED")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// crashWriter writes to two accounts from several goroutines until it is killed, and
// says what was acknowledged, one line each.
func crashWriter(dir, seed string) error {
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return err
	}
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	errs := make(chan error)
	for w := range uint64(4) {
		go func() {
			errs <- crashLoop(ctx, s, rand.New(rand.NewPCG(n, w)), fmt.Sprintf("%s-%d", seed, w), say)
		}()
	}
	go func() {
		for {
			if _, _, err := s.PurgeBlobs(ctx); err != nil {
				errs <- err
				return
			}
		}
	}()
	return <-errs
}

func crashLoop(ctx context.Context, s *Store, r *rand.Rand, name string, say func(string, ...any)) error {
	for i := 0; ; i++ {
		account := []string{"alice", "bob"}[r.IntN(2)]
		a, release, err := s.OpenAccount(ctx, account)
		if err != nil {
			return err
		}
		b := a.Backend()
		boxes, err := b.Mailboxes(ctx)
		if err != nil {
			return err
		}
		from, to := boxes[r.IntN(len(boxes))].Number, boxes[r.IntN(len(boxes))].Number
		v, err := b.View(ctx, from)
		if err != nil {
			return err
		}
		var uids []imap.UID
		for _, e := range v.Entries {
			if r.IntN(4) == 0 {
				uids = append(uids, e.UID)
			}
		}
		raw := fmt.Appendf(nil, "Message-ID: <%d@same>\r\n\r\n%s %d\r\n", r.IntN(3), name, i)
		if r.IntN(5) == 0 {
			raw = []byte("Message-ID: <same@same>\r\n\r\nalways the same octets\r\n")
		}
		switch r.IntN(6) {
		case 0, 1:
			key := fmt.Sprint(name, "/", i)
			emails, _, err := a.Import(ctx, mailstore.Import{
				Raw: raw, Key: key, Mailboxes: []mailstore.Filing{{Path: "INBOX"}, {Path: "New/" + name, Create: true}},
			})
			if err != nil {
				return err
			}
			say("import %s %s %s %s", account, key, emails[0].BlobID, emails[1].ID)
		case 2:
			got, modseq, err := b.Append(ctx, to, []idmap.Append{{Raw: raw}, {Raw: append(raw, '.')}})
			if err != nil {
				return err
			}
			say("uids %s %d %d %s", account, to, modseq, join(got))
		case 3:
			_, dst, modseq, err := b.Copy(ctx, from, uids[:min(len(uids), 10)], to)
			if err != nil {
				return err
			}
			say("uids %s %d %d %s", account, to, modseq, join(dst))
		case 4:
			_, dst, modseq, err := b.Move(ctx, from, uids[:min(len(uids), 10)], to)
			if err != nil {
				return err
			}
			say("uids %s %d %d %s", account, to, modseq, join(dst))
		case 5:
			if _, _, err := b.Store(ctx, from, uids, idmap.FlagChange{Op: idmap.FlagsAdd, Flags: idmap.Deleted}); err != nil {
				return err
			}
			gone, modseq, err := b.Expunge(ctx, from, uids)
			if err != nil {
				return err
			}
			say("gone %s %d %d %s", account, from, modseq, join(gone))
		}
		release()
	}
}

func join(uids []imap.UID) string {
	parts := []string{"-"}
	for _, u := range uids {
		parts = append(parts, fmt.Sprint(uint32(u)))
	}
	return strings.Join(parts, ",")
}

// told is what the killed processes acknowledged.
type told struct {
	keys   map[string]string          // account and key of an import -> Email
	given  map[string]map[uint32]bool // account and mailbox -> UIDs
	gone   map[string]map[uint32]bool
	modseq map[string]uint64
}

func (k *told) line(t *testing.T, line string) {
	f := strings.Fields(line)
	switch f[0] {
	case "import":
		k.keys[f[1]+" "+f[2]] = f[4]
	case "uids", "gone":
		set := k.given
		if f[0] == "gone" {
			set = k.gone
		}
		box := f[1] + " " + f[2]
		if set[box] == nil {
			set[box] = make(map[uint32]bool)
		}
		for _, u := range strings.Split(f[4], ",")[1:] {
			n, _ := strconv.ParseUint(u, 10, 32)
			if set[box][uint32(n)] {
				t.Errorf("%s: UID %d was told twice", box, n)
			}
			set[box][uint32(n)] = true
		}
		n, _ := strconv.ParseUint(f[3], 10, 64)
		k.modseq[f[1]] = max(k.modseq[f[1]], n)
	default:
		t.Fatalf("the writer said %q", line)
	}
}

func TestKill(t *testing.T) {
	rounds := 20
	if n, err := strconv.Atoi(os.Getenv("SLUICE_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	known := &told{map[string]string{}, map[string]map[uint32]bool{}, map[string]map[uint32]bool{}, map[string]uint64{}}
	for round := range rounds {
		killed(t, dir, round, known)
		verify(t, dir, known)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d imports and %d mailboxes' UIDs acknowledged", len(known.keys), len(known.given))
}

// killed runs the writer, kills it after some acknowledgements, and reads all of them.
func killed(t *testing.T, dir string, round int, known *told) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("%s_SEED=%d", crashDir, round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == 5+rand.IntN(60) || n == 65 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line that was cut is not an acknowledgement
		}
		if err != nil {
			t.Fatal(err)
		}
		known.line(t, line)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer ended by itself")
	}
}

// verify opens what the killed process left.
func verify(t *testing.T, dir string, known *told) {
	ctx := t.Context()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ids, err := s.AccountIDs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		problems, err := s.Check(ctx, id, true)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %s", id, err, strings.Join(problems, "\n"))
		}
		a, release, err := s.OpenAccount(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		verifyUIDs(t, a, known)
		for k, email := range known.keys {
			account, key, _ := strings.Cut(k, " ")
			if account != id {
				continue
			}
			again, _, err := a.Import(ctx, mailstore.Import{Key: key, Raw: []byte("again"), Mailboxes: []mailstore.Filing{{Path: "INBOX"}}})
			if err != nil || len(again) != 2 || string(again[1].ID) != email {
				t.Errorf("import %s was acknowledged as %s; again it is %v, %v", k, email, again, err)
			}
		}
	}
}

func verifyUIDs(t *testing.T, a *Account, known *told) {
	ctx := t.Context()
	b := a.Backend()
	list, err := a.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		box := fmt.Sprintf("%s %d", a.id, m.Number)
		v, err := b.View(ctx, m.Number)
		if err != nil {
			t.Fatal(err)
		}
		ranges, ok, err := b.Vanished(ctx, m.Number, 0)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		alive := func(u uint32) bool {
			return slices.ContainsFunc(v.Entries, func(e idmap.Entry) bool { return e.UID == imap.UID(u) })
		}
		gone := func(u uint32) bool {
			return slices.ContainsFunc(ranges, func(r idmap.Range) bool { return r.First <= imap.UID(u) && imap.UID(u) <= r.Last })
		}
		for u := uint32(1); u < uint32(v.UIDNext); u++ {
			if alive(u) == gone(u) {
				t.Errorf("%s: UID %d is alive: %v, and vanished: %v", box, u, alive(u), gone(u))
			}
		}
		for u := range known.given[box] {
			if u >= uint32(v.UIDNext) {
				t.Errorf("%s: UID %d was told, UIDNEXT is %d", box, u, v.UIDNext)
			}
		}
		for u := range known.gone[box] {
			if !gone(u) {
				t.Errorf("%s: UID %d was told gone and is not", box, u)
			}
		}
	}
	_, st, err := a.Mailboxes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := parseState(st); p.modseq < known.modseq[a.id] {
		t.Errorf("%s: MODSEQ is %d, %d was told", a.id, p.modseq, known.modseq[a.id])
	}
}
