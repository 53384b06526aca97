package mail

import (
	"sync"
	"testing"
)

func TestManyGoroutinesMayReadOneMessage(t *testing.T) {
	m := New([]byte(rfc3501))
	var wg sync.WaitGroup
	roots := make([]*Part, 8)
	for i := range roots {
		wg.Go(func() {
			if i%2 == 0 {
				m.Header().Values("Subject")
			}
			roots[i] = m.Root()
			for p := range roots[i].All() {
				p.Header().Fields()
				p.Text()
			}
			if m.Section([]int{4, 2, 2, 1}) == nil {
				t.Error("a section is missing")
			}
		})
	}
	wg.Wait()
	for _, r := range roots {
		if r != roots[0] {
			t.Fatal("the tree was built more than once")
		}
	}
}
