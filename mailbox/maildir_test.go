package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// newMaildir makes a Maildir with these files in cur, or in new where the name says so.
func newMaildir(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		path := filepath.Join(root, "cur", name)
		if strings.Contains(name, "/") {
			path = filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func open(t testing.TB, path string) Source {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const small = "Subject: hello\n\nbody\n"

func TestMaildirListsItsMessagesByTheTimeInTheirNames(t *testing.T) {
	root := newMaildir(t, map[string]string{
		"10.M1.host:2,S": small, "9.M1.host:2,": small, "new/11.M1.host": small, "0009.M0.host:2,": small, "odd": small, ".hidden": small,
	})
	s := open(t, root)
	var got []string
	for i := range s.Len() {
		got = append(got, s.Label(i))
	}
	want := []string{"cur/odd", "cur/0009.M0.host:2,", "cur/9.M1.host:2,", "cur/10.M1.host:2,S", "new/11.M1.host"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestMessageOfMaildir(t *testing.T) {
	long := "Subject: long\n\n" + strings.Repeat("0123456789\n", 5000)
	wide := "Subject: wide\nX: " + strings.Repeat("x", 3*firstRead) + "\n\nbody\n"
	root := newMaildir(t, map[string]string{"1.a:2,FS": small, "2.a:2,": long, "3.a:2,Tb": wide, "4.a": "", keywordsPath: "1 $Label\n"})
	s := open(t, root)
	tests := []struct {
		subject string
		size    int
		raw     string
		flags   []string
		at      bool // all of it is at hand at once
	}{
		{"hello", len(small), small, []string{`\Flagged`, `\Seen`}, true},
		{"long", len(long), long, nil, false},
		{"wide", len(wide), wide, []string{`\Deleted`, "$Label"}, true},
		{"", 0, "", nil, true},
	}
	for i, tt := range tests {
		t.Run(s.Label(i), func(t *testing.T) {
			m, err := s.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Mail.Loaded() != tt.at {
				t.Errorf("Loaded = %v", m.Mail.Loaded())
			}
			subject := ""
			if v := m.Mail.Header().Values("Subject"); len(v) > 0 {
				subject = v[0]
			}
			if subject != tt.subject || m.Mail.Size() != int64(tt.size) || string(m.Mail.Raw()) != tt.raw || m.Err() != nil {
				t.Errorf("subject %q, size %d, %d octets, error %v", subject, m.Mail.Size(), len(m.Mail.Raw()), m.Err())
			}
			if diff := cmp.Diff(tt.flags, m.Flags()); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

const keywordsPath = "cur/../" + keywordsFile

func TestWhatIsNoMessageIsAnErrorOfItsOwn(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.ok:2,": small, "2.packed:2,": "\x1f\x8b\x08 and so on", "8.\xff\x01odd\n:2,": small})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cur := filepath.Join(root, "cur")
	must(os.Mkdir(filepath.Join(cur, "3.folder:2,"), 0o700))
	must(os.Symlink("/etc/passwd", filepath.Join(cur, "4.link:2,S")))
	must(os.Symlink("nowhere", filepath.Join(cur, "5.link:2,S")))
	must(unix.Mkfifo(filepath.Join(cur, "6.fifo:2,"), 0o600))
	huge, err := os.Create(filepath.Join(cur, "7.huge:2,"))
	must(err)
	_, err = huge.WriteString("Subject: huge\n\nbody")
	must(err)
	must(huge.Truncate(MaxBody + 1))
	must(huge.Close())
	endless, err := os.Create(filepath.Join(cur, "9.endless:2,"))
	must(err)
	_, err = endless.WriteString("Subject: ")
	must(err)
	must(endless.Truncate(2 * MaxHeader))
	must(endless.Close())

	s := open(t, root)
	want := []string{"", "compressed", "a folder", "symbolic link", "symbolic link", "no regular file", "", "", "header is over"}
	if s.Len() != len(want) {
		t.Fatalf("%d entries", s.Len())
	}
	for i, w := range want {
		m, err := s.Read(i)
		switch {
		case w == "" && err != nil:
			t.Errorf("%q: %v", s.Label(i), err)
		case w != "" && (err == nil || !strings.Contains(err.Error(), w)):
			t.Errorf("%q: error %v, want %q", s.Label(i), err, w)
		}
		if err == nil {
			if strings.Contains(s.Label(i), "huge") {
				if m.Mail.Raw(); m.Err() == nil || m.Mail.Header().Values("Subject")[0] != "huge" {
					t.Errorf("a body over the limit: error %v", m.Err())
				}
			}
			m.Close()
		}
	}
}

func TestMessageThatMovesOrGoesWhileTheMailboxIsRead(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.a:2,": small, "new/2.a": small, "3.a:2,": small, "4.a:2,": "Subject: x\n\n" + strings.Repeat("x", 4*firstRead)})
	s := open(t, root)
	at := func(name string) string { return filepath.Join(root, name) }
	if err := errors.Join(os.Rename(at("cur/1.a:2,"), at("cur/1.a:2,S")), os.Rename(at("new/2.a"), at("cur/2.a:2,")), os.Remove(at("cur/3.a:2,"))); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		m, err := s.Read(i)
		if err != nil {
			t.Errorf("%s: %v", s.Label(i), err)
			continue
		}
		m.Close()
	}
	if _, err := s.Read(2); !errors.Is(err, ErrVanished) {
		t.Errorf("a message that is gone: %v", err)
	}
	m, err := s.Read(3)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Truncate(at("cur/4.a:2,"), 20); err != nil {
		t.Fatal(err)
	}
	if raw := m.Mail.Raw(); !errors.Is(m.Err(), errCut) || string(raw) != "Subject: x\n\n" {
		t.Errorf("a message that was cut: %d octets, error %v", len(raw), m.Err())
	}
}

func TestUnreadableMessage(t *testing.T) {
	if os.Getuid() == 0 {
		// For root every file can be read; the errors of open are told the same way as these.
		t.Log("run by root: nothing is unreadable")
		return
	}
	root := newMaildir(t, map[string]string{"1.a:2,": small, "2.a:2,": small})
	if err := os.Chmod(filepath.Join(root, "cur/1.a:2,"), 0); err != nil {
		t.Fatal(err)
	}
	s := open(t, root)
	if _, err := s.Read(0); !errors.Is(err, unix.EACCES) {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsNoMailbox(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("Hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "no Maildir", file: "no mbox", filepath.Join(dir, "nothing"): "no such file", "/dev/null": "neither a folder nor a file"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}

func TestFolderOfMaildirKnowsItsRoot(t *testing.T) {
	root := newMaildir(t, map[string]string{".Lists.go/cur/1.a:2,": small, ".Lists.go/new/2.a": small, ".NoMaildir/x": ""})
	s := open(t, filepath.Join(root, ".Lists.go"))
	m := s.(*Maildir)
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	if m.Root != real || m.Here() != ".Lists.go" || s.Len() != 2 {
		t.Errorf("root %q, here %q, %d messages", m.Root, m.Here(), s.Len())
	}
	for folder, want := range map[string]bool{"": true, ".Lists.go": true, ".NoMaildir": false, ".Other": false} {
		if s.HasFolder(folder) != want {
			t.Errorf("HasFolder(%q) = %v", folder, !want)
		}
	}
}

func TestFolderNames(t *testing.T) {
	tests := []struct{ name, separator, dir, err string }{
		{"INBOX", "/", "", ""},
		{"inbox", ".", "", ""},
		{"Lists/go", "/", ".Lists.go", ""},
		{"Lists.go", ".", ".Lists.go", ""},
		{"INBOX/Lists/go", "/", ".Lists.go", ""},
		{"INBOX.Lists", ".", ".Lists", ""},
		{"Bücher", "/", ".B&APw-cher", ""},
		{"A&B", "/", ".A&-B", ""},
		{"Lists/", "/", ".Lists", ""},
		{"a.b", "/", "", "separator with a dot"},
		{"a/b", ".", "", "separator with a dot"},
		{"a//b", "/", "", "empty level"},
		{"/a", "/", "", "empty level"},
		{"..", "/", "", "cannot hold a dot"},
		{"../../etc", "/", "", "cannot hold a dot"},
		{"a\x00b", ".", "", "cannot hold"},
		{"\xff", "/", "", "no UTF-8"},
		{strings.Repeat("x", 300), "/", "", "too long"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.20q with %s", tt.name, tt.separator), func(t *testing.T) {
			dir, err := FolderDir(tt.name, tt.separator)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("FolderDir = %q, %v, want an error with %q", dir, err, tt.err)
				}
				return
			}
			if err != nil || dir != tt.dir {
				t.Errorf("FolderDir = %q, %v, want %q", dir, err, tt.dir)
			}
		})
	}
	if got := FolderName(".Lists.B&APw-cher", "/"); got != "Lists/Bücher" {
		t.Errorf("FolderName = %q", got)
	}
}

// A folder's directory is one name, below the root and nowhere else.
func FuzzFolderDir(f *testing.F) {
	for _, s := range []string{"INBOX", "a/b", "a.b", "..", "&", "&AOQ-", "\u00e4\U0001f600", "a\x00"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, name string, slash bool) {
		separator := "."
		if slash {
			separator = "/"
		}
		dir, err := FolderDir(name, separator)
		if err != nil || dir == "" {
			return
		}
		if dir[0] != '.' || strings.ContainsAny(dir, "/\x00") || strings.Contains(dir, "..") || len(dir) > 255 {
			t.Fatalf("FolderDir(%q) = %q", name, dir)
		}
		again, err := FolderDir(FolderName(dir, separator), separator)
		if err != nil || again != dir {
			t.Fatalf("FolderDir(%q) = %q, whose name %q is %q, %v", name, dir, FolderName(dir, separator), again, err)
		}
	})
}

func TestNamesOfFiles(t *testing.T) {
	for name, want := range map[string][2]string{
		"1.a:2,FS": {"1.a", "FS"}, "1.a": {"1.a", ""}, "1.a:1,x": {"1.a", ""}, "1.a:2,": {"1.a", ""}, ":2,S": {"", "S"}, "1.a:2,Sa:b": {"1.a", "Sa:b"},
	} {
		if base, letters := SplitName(name); base != want[0] || letters != want[1] {
			t.Errorf("SplitName(%q) = %q, %q", name, base, letters)
		}
	}
	if got := JoinName("1.a", "SFFa"); got != "1.a:2,FSa" {
		t.Errorf("JoinName = %q", got)
	}
	if got := sorted("TSRa"); got != "RSTa" {
		t.Errorf("sorted = %q", got)
	}
}

func TestHundredThousandMessagesThatAreGoneAreToldSoon(t *testing.T) {
	m := &Maildir{entries: make([]Entry, 100_000), dirs: [2]int{-1, -1}}
	root := newMaildir(t, nil)
	m.Root = root
	for i := range m.entries {
		m.entries[i] = Entry{Name: fmt.Sprintf("%d.a:2,", i)}
	}
	fd, err := unix.Open(filepath.Join(root, "cur"), unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(fd)
	m.dirs = [2]int{fd, fd}
	for i := range m.entries {
		if _, err := m.Read(i); !errors.Is(err, ErrVanished) {
			t.Fatal(err)
		}
	}
}

func TestKeywords(t *testing.T) {
	k := parseKeywords([]byte("0 $list\n 3 Work\nx y\n26 far\n-1 no\n5\n25 last\n"))
	if diff := cmp.Diff([]string{`\Answered`, `\Seen`, "$list", "Work", "last"}, k.flags("RSadzbq!")); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if l := k.letter("$LIST"); l != 'a' {
		t.Errorf("letter %q", l)
	}
	if l, err := k.add("new"); l != 'b' || err != nil {
		t.Errorf("add = %q, %v", l, err)
	}
	if got := string(k.text()); got != "0 $list\n1 new\n3 Work\n25 last\n" {
		t.Errorf("text %q", got)
	}
	for i := range 22 {
		if _, err := k.add(fmt.Sprintf("k%d", i)); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := k.add("one more"); !errors.Is(err, ErrKeywords) {
		t.Errorf("a 27th keyword: %v", err)
	}
	if !slices.Contains(k.flags("c"), "k0") {
		t.Errorf("flags %v", k.flags("c"))
	}
}
