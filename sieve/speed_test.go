package sieve

import (
	"context"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// TestSmallScriptsTakeFewAllocations counts what a run of the small script takes from the heap,
// its task and all that it makes of the header included.
func TestSmallScriptsTakeFewAllocations(t *testing.T) {
	p := newBenchPair(t, "small")
	m := mail.New(benchMessages()["20KB"])
	m.Header().Fields() // the header itself is not read by the script
	if n := testing.AllocsPerRun(100, func() { p.run(t, m) }); n > 20 {
		t.Errorf("%v allocations, at most 20 are allowed", n)
	}
}

// allocated returns how many octets f takes from the heap, the least of some calls.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		f()
		goruntime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestHeadersThatNoTestReadsCostNothing compares runs over a short message and over one with a
// header of 4 MiB.
func TestHeadersThatNoTestReadsCostNothing(t *testing.T) {
	const short = "From: a@example.org\r\nSubject: x\r\n"
	for _, tt := range []struct{ name, script, more string }{
		{"no test of a header", `require ["envelope", "fileinto"]; if envelope :domain "from" "x.example" { fileinto "X"; } if size :over 100M { discard; } keep;`,
			strings.Repeat("X-Long: y\r\n", 400_000)},
		{"a test of another header", `if header :contains "subject" "nothing" { discard; }`, "X-Long: " + strings.Repeat("y", 4<<20) + "\r\n"},
		{"a test of another header's addresses", `if address :domain "from" "x.example" { discard; }`, "To: " + strings.Repeat("a@b.example, ", 300_000) + "c@d.example\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(Options{}).Compile("t", []byte(tt.script), runtime.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			run := func(raw string) uint64 {
				octets := []byte(raw)
				return allocated(func() {
					v := &runtime.View{Transaction: benchTransaction(mail.New(octets))}
					if _, err := p.Run(runtime.NewTask(context.Background(), v, &sink{})); err != nil {
						t.Fatal(err)
					}
				})
			}
			less, more := run(short+"\r\n"), run(short+tt.more+"\r\n")
			if more > less+1<<10 {
				t.Errorf("%d octets for a short header, %d for a long one", less, more)
			}
		})
	}
}

// TestBigMessagesAreNotCopied runs scripts that test headers over a message of 5 MB.
func TestBigMessagesAreNotCopied(t *testing.T) {
	raw := benchMessages()["5MB"]
	for _, name := range []string{"small", "rules100", "hdrvars"} {
		p := newBenchPair(t, name)
		if n := allocated(func() { p.run(t, mail.New(raw)) }); n > 64<<10 {
			t.Errorf("%s: %d octets were taken", name, n)
		}
		end, _ := mail.HeaderEnd(raw)
		read := 0
		p.run(t, mail.NewLazy(raw[:end], int64(len(raw)), func() []byte { read++; return raw }))
		if read > 0 {
			t.Errorf("%s: what stands behind the header was read", name)
		}
	}
}
