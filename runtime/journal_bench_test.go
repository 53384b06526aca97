package runtime

import (
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"
)

// BenchmarkJournalPut puts deliveries of 20 KB that are done at once.
func BenchmarkJournalPut(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			j := openJournal(b, b.TempDir(), JournalOptions{})
			body := strings.Repeat("x", 20<<10)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			b.SetParallelism(max(1, goroutines/goruntime.GOMAXPROCS(0)))
			if goroutines == 1 {
				for b.Loop() {
					done(b, j, put(b, j, delivery(body, "a@b")))
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					d := delivery(body, "a@b")
					if err := j.Put(b.Context(), d); err != nil {
						b.Error(err)
					}
					if err := j.Done(d.Serial); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkSettle(b *testing.B) {
	p := Plan{Actions: acts("fileinto A $X", "fileinto B copy", "redirect a@b.org copy", "mark k")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Settle(p, nil, nil, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
