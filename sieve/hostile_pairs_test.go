//go:build linux && !race

package sieve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// What a process may take that runs hostile scripts over hostile messages, in octets: the
// messages, the limit of a run (64 MiB) and what the process has anyway, with room for garbage.
const hostileMemory = 400 << 20

const hostileChild = "SIEVE_HOSTILE_PAIRS"

// TestHostilePairs runs 200 generated scripts, each over a generated message and both made to
// cost much more than their size, in a process that the system ends if it takes more memory
// than it may. Every run ends well or names its limit, soon after its time.
func TestHostilePairs(t *testing.T) {
	if os.Getenv(hostileChild) != "" {
		hostilePairs(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostilePairs$", "-test.v")
	cmd.Env = append(os.Environ(), hostileChild+"=1")
	out, err := cmd.CombinedOutput()
	last, pairs := "", 0
	for in := bufio.NewScanner(bytes.NewReader(out)); in.Scan(); {
		if strings.HasPrefix(in.Text(), "pair ") {
			last, pairs = in.Text(), pairs+1
		}
	}
	if err != nil || pairs != 200 {
		t.Fatalf("%v; %d pairs were begun, the last was %s\n%s", err, pairs, last, clipEnd(out))
	}
}

func clipEnd(b []byte) []byte { return b[max(0, len(b)-6000):] }

func hostilePairs(t *testing.T) {
	limit := syscall.Rlimit{Cur: hostileMemory, Max: hostileMemory}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(hostileMemory * 3 / 4)
	l := New(Options{Enabled: []string{"*"}, Expressions: fakeExpressions{}})
	engine := runtime.NewEngine(l)
	limits := runtime.Limits{Time: 200 * time.Millisecond}
	compiled := 0
	for i := range 200 {
		g := &hostileGenerator{random: rand.New(rand.NewSource(int64(i)))}
		script, message := g.script(), g.message()
		fmt.Printf("pair %d: %d and %d octets\n", i, len(script), len(message))
		p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
		if err != nil {
			var list Errors
			if !errors.As(err, &list) || len(list) > 101 {
				t.Fatalf("pair %d: %.500s", i, err)
			}
			continue
		}
		compiled++
		tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: "a@example.org"}, Message: mail.New([]byte(message))}
		tx.Rcpt.Address = "b+c@example.net"
		started := time.Now()
		res := engine.Run(t.Context(), p, tx, runtime.RunOptions{Host: &runtime.Live{}, Limits: limits, Seed: 1})
		if took := time.Since(started); took > 15*time.Second {
			t.Errorf("pair %d: took %s", i, took)
		}
		if res.Err != nil && strings.Contains(res.Err.Error(), "internal error") {
			t.Errorf("pair %d: %s", i, res.Err)
		}
		held := 0
		for _, a := range res.Plan.Actions {
			held += len(a.Raw) + len(a.Header) + len(a.Reason) + len(a.Mailbox)
		}
		if held > int(runtime.DefaultLimits.Memory) {
			t.Errorf("pair %d: the plan holds %d octets", i, held)
		}
	}
	if compiled < 180 {
		t.Errorf("only %d scripts were taken: the generator is not hostile, but wrong", compiled)
	}
}

// hostileGenerator puts scripts and messages together from pieces that cost.
type hostileGenerator struct {
	random *rand.Rand
	n      int
}

func (g *hostileGenerator) below(n int) int          { return g.random.Intn(n) }
func (g *hostileGenerator) of(list ...string) string { return list[g.below(len(list))] }

// repeat returns a piece many times, up to about 256 KiB.
func (g *hostileGenerator) repeat(piece string) string {
	return strings.Repeat(piece, 1+g.below(1+(256<<10)/len(piece)/(1+g.below(20))))
}

const hostileRequires = `require ["variables", "fileinto", "envelope", "body", "regex", "relational", "date", "index", "mime", "foreverypart", "extracttext",
 "editheader", "replace", "enclose", "convert", "imap4flags", "encoded-character", "subaddress", "copy", "vnd.sluice.while", "comparator-i;ascii-numeric",
 "comparator-i;unicode-casemap", "environment", "mailbox", "duplicate", "vacation"];
`

func (g *hostileGenerator) script() string {
	var b strings.Builder
	b.WriteString(hostileRequires)
	for range 1 + g.below(8) {
		b.WriteString(g.command(0))
	}
	return b.String()
}

func (g *hostileGenerator) block(depth int) string {
	var b strings.Builder
	b.WriteString(" {\n")
	for range 1 + g.below(3) {
		b.WriteString(g.command(depth + 1))
	}
	b.WriteString("}\n")
	return b.String()
}

func (g *hostileGenerator) command(depth int) string {
	g.n++
	if depth < 3 {
		switch g.below(6) {
		case 0:
			return "while true" + g.block(depth)
		case 1:
			return "foreverypart" + g.block(depth)
		case 2, 3:
			return "if " + g.test(depth) + g.block(depth)
		}
	}
	switch g.below(14) {
	case 0, 1, 2:
		return g.of(`set "a" "${a}${a}x";`, `set :quotewildcard "a" "${a}*?${b}";`, `set :upper :lowerfirst "b" "${a}${1}${2}";`, `set :length "c" "${a}";`, `set "d" "${a}${b}${c}${d}";`)
	case 3:
		return `set "k" "` + g.repeat("x*?") + `";`
	case 4:
		return fmt.Sprintf(`addheader %s"X-%d" "%s";`, g.of("", ":last "), g.below(3), g.of("${a}", strings.Repeat("v ", g.below(1000)), "${1}"))
	case 5:
		return `deleteheader "` + g.of("Received", "X-0", "Subject", "X") + `" "` + g.of("*", "*a*b*", "") + `";`
	case 6:
		return `replace ` + g.of("", ":mime ") + `"` + g.of("text", "${a}", g.repeat("long ")) + `";`
	case 7:
		return `enclose :subject "${a}" :headers ["from", "received"] "` + g.of("text", "${a}") + `";`
	case 8:
		return fmt.Sprintf(`fileinto :copy :create "box%d${a}";`, g.n)
	case 9:
		return `addflag ["` + strings.Repeat(`$a", "$`, g.below(500)) + `b", "${a}"];`
	case 10:
		return `convert "text/html" "text/plain" ["charset=utf-8"];`
	case 11:
		return `vacation :subject "${a}" :addresses ["` + strings.Repeat(`x@example.org", "`, g.below(500)) + `y@example.org"] "` + g.of("${a}", g.repeat("away ")) + `";`
	case 12:
		return g.of("keep;", "discard;", `redirect :copy "${a}@example.org";`)
	}
	return `if ` + g.test(depth) + ` { set "e" "${0}${1}${2}${3}"; }`
}

func (g *hostileGenerator) test(depth int) string {
	match := g.of(":contains", ":is", `:matches`, `:matches :comparator "i;octet"`, `:matches :comparator "i;unicode-casemap"`, ":regex", `:count "gt" :comparator "i;ascii-numeric"`, `:value "lt" :comparator "i;ascii-numeric"`)
	key := func() string {
		switch match {
		case ":regex":
			return g.of(`(a*)*b`, `(x+x+)+y`, `((a|b|ab)*)*c`, `.*.*.*=.*`, `([^ ]+ )*$`, `(.{1,30}){1,30}`)
		}
		return g.of("*a*a*a*a*b", strings.Repeat("*?", 40)+"x", strings.Repeat("a", 2000)+"*", "${a}", "*${b}*", g.repeat("a?"), "99999999999999999999999999999999")
	}
	keys := key()
	if g.below(4) == 0 {
		keys = keys + strings.Repeat(`", "`+key(), g.below(200))
	}
	if len(keys) > 600<<10 {
		keys = keys[:0] + "x"
	}
	switch g.below(9) {
	case 0:
		if depth < 4 {
			return "not " + g.test(depth+1)
		}
	case 1:
		if depth < 4 {
			return g.of("anyof", "allof") + " (" + g.test(depth+1) + ", " + g.test(depth+1) + ")"
		}
	case 2:
		return fmt.Sprintf(`body %s %s ["%s"]`, g.of(":raw", ":text", `:content "text"`, `:content ""`, `:content "multipart"`), match, keys)
	case 3:
		return fmt.Sprintf(`address :all %s ["from", "to", "cc"] ["%s"]`, match, keys)
	case 4:
		return fmt.Sprintf(`string %s ["${a}", "${b}${a}", "${1}"] ["%s"]`, match, keys)
	case 5:
		return fmt.Sprintf(`header :mime :anychild %s %s ["content-type", "content-disposition"] ["%s"]`, g.of("", `:param "name"`, ":type", ":contenttype"), match, keys)
	case 6:
		return fmt.Sprintf(`date :originalzone %s "date" "iso8601" ["%s"]`, match, keys)
	case 7:
		return fmt.Sprintf(`header :index %d :last %s ["received", "x"] ["%s"]`, 1+g.below(5), match, keys)
	}
	return fmt.Sprintf(`header %s ["subject", "received", "x", "x-none", "${a}"] ["%s"]`, match, keys)
}

func (g *hostileGenerator) message() string {
	var b strings.Builder
	for range 1 + g.below(6) {
		b.WriteString(g.of(
			"Subject: "+g.repeat("a")+"b\r\n", "Subject: "+g.repeat("=?utf-8?b?w6Q=?= ")+"\r\n", "From: "+g.repeat("a@b.example, ")+"c@d.example\r\n",
			"To: "+g.repeat("((((")+"\r\n", "Cc: "+g.repeat("g: <a@b>;, ")+"\r\n", g.repeat("Received: from a by b\r\n"), g.repeat("X: y\r\n"),
			"X: "+g.repeat("a\r\n ")+"b\r\n", "Date: "+g.repeat("(")+" Mon, 1 Jan 2026\r\n", "From: \"a\" <a@example.org>\r\nTo: b@example.net\r\n",
		))
	}
	switch g.below(6) {
	case 0:
		b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + g.repeat("--b\r\nContent-Type: text/html; name=a\r\n\r\n<p>x\r\n"))
	case 1:
		b.WriteString(deepMessage(1 + g.below(300)))
	case 2:
		b.WriteString("Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Lines(g.repeat("<a href='&amp;")))
	case 3:
		b.WriteString("Content-Type: text/plain; charset=" + g.of("utf-7", "utf-16", "iso-2022-jp", "gb18030", "none") + "\r\n\r\n" + g.repeat("+AA\x1b$B\xff"))
	case 4:
		b.WriteString("Content-Type: message/rfc822" + g.repeat("; a*0*=x''%41") + "\r\n\r\n" + g.repeat("Content-Type: message/rfc822\r\n\r\n"))
	default:
		b.WriteString("\r\n" + g.repeat("a ") + g.repeat("\r\n"))
	}
	return b.String()
}
