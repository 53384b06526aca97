package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/peers"
)

func TestSentinelsPutTheReplicaInTheMastersPlace(t *testing.T) {
	p, err := peers.StartRedisSentinel(t.Context())
	peers.Need(t, err)
	t.Cleanup(p.Close)
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{p.Sentinel.URL}, Master: p.Name, Timeout: time.Second})
	for name, err := range allCalls(ctx, s) {
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Set(ctx, value("kept"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lock(ctx, value("kept"), time.Millisecond, false)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica has the row", func() bool {
		reply, err := p.Replica.Do(ctx, "HGET", firstKey(ctx, t, s, "vkept"), "v")
		return err == nil && reply == "1"
	})
	p.Master.Kill()
	if err := s.Set(ctx, value("a"), nil, 0); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("without a master: %v", err)
	}
	eventually(t, "writes work again", func() bool {
		err := s.Set(ctx, value("a"), []byte("after"), 0)
		if err != nil && !errors.Is(err, kv.ErrUnavailable) {
			t.Fatalf("meanwhile: %v", err)
		}
		return err == nil
	})
	if v, err := s.Get(ctx, value("kept")); string(v.Bytes) != "1" || err != nil {
		t.Errorf("%q, %v", v.Bytes, err)
	}
	if next, err := s.Lock(ctx, value("kept"), time.Minute, false); err != nil || next.Fence <= l.Fence {
		t.Errorf("fence %d after %d, %v", next.Fence, l.Fence, err)
	}
}

// firstKey returns the stored key that ends so.
func firstKey(ctx context.Context, t *testing.T, s *redis.Store, end string) string {
	t.Helper()
	keys, err := s.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if strings.HasSuffix(k, end) {
			return k
		}
	}
	t.Fatalf("no key ends with %q", end)
	return ""
}

// A fence is larger than the last even if the server has forgotten everything, as a failover can make it.
func TestFencesGrowThoughTheServerForgets(t *testing.T) {
	r := start(t)
	s := open(t, redis.Options{URLs: []string{r.URL}})
	var last uint64
	for range 20 {
		l, err := s.Lock(t.Context(), value("a"), time.Minute, false)
		if err != nil || l.Fence <= last {
			t.Fatalf("fence %d after %d, %v", l.Fence, last, err)
		}
		last = l.Fence
		eventually(t, "the next millisecond", func() bool { return time.Now().UnixMicro() > int64(last)+1000 })
		if _, err := r.Do(t.Context(), "FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
}

// work is what clients do beside a disturbance of the cluster.
type work struct {
	acknowledged, unknown atomic.Int64
	stop                  context.CancelFunc
	done                  sync.WaitGroup
}

// begin lets clients write to the bucket of k: a counter, rows with and without expiry, locks and limits. As many
// failovers may come; each can take the last that a client did with its lock, and no more.
func begin(t *testing.T, s *redis.Store, k kv.Key, failovers int) *work {
	w := new(work)
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	check := func(err error) {
		if err != nil && !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("meanwhile: %v", err)
		}
	}
	for c := range 4 {
		w.done.Go(func() {
			locks, lost := 0, 0
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.Incr(t.Context(), k, 1, 0)
				if check(err); err == nil {
					w.acknowledged.Add(1)
				} else {
					w.unknown.Add(1)
				}
				check(s.Set(t.Context(), kv.Key{Prefix: k.Prefix, Name: fmt.Sprintf("%d/%d", c, i%50)}, []byte("x"), time.Duration(i%3)*time.Minute))
				_, err = s.Rate(t.Context(), k, kv.Rule{Limit: 1 << 40, Per: time.Hour}, 1, false)
				check(err)
				// A lease that a busy machine does not outlive. One of which nobody knows is left alone from then on.
				l, err := s.Lock(t.Context(), kv.Key{Prefix: k.Prefix, Name: fmt.Sprintf("lock%d/%d", c, locks)}, time.Hour, false)
				if err == nil {
					err = s.Unlock(t.Context(), l)
				}
				if err != nil {
					locks++
				}
				// The taking or the giving up may have been lost, though it was acknowledged.
				if (errors.Is(err, kv.ErrNotOwner) || errors.Is(err, kv.ErrLocked)) && lost < failovers {
					lost++
				} else {
					check(err)
				}
			}
		})
	}
	w.more(t)
	return w
}

// more waits until clients get on.
func (w *work) more(t *testing.T) {
	t.Helper()
	at := w.acknowledged.Load()
	eventually(t, "clients get on", func() bool { return w.acknowledged.Load() > at+50 })
}

// end stops the clients.
func (w *work) end() {
	w.stop()
	w.done.Wait()
}

// consistent checks that index, totals and rows of p agree.
func consistent(t *testing.T, s *redis.Store, p kv.Prefix) {
	t.Helper()
	ctx := t.Context()
	stats, err := s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var rows int64
	for _, st := range stats {
		if st.Prefix == p {
			rows = st.Rows
		}
	}
	n, err := s.DeletePrefix(ctx, p, "")
	if err != nil || int64(n) != rows {
		t.Errorf("%d rows are counted, %d deleted, %v", rows, n, err)
	}
	keys, err := s.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if i := strings.IndexByte(k, '}'); k[i+1] == 'v' || k[i+1] == 'r' {
			t.Errorf("left behind: %q", k)
		}
	}
}

func TestAClusterThatLosesAMasterOrMovesASlotGoesOn(t *testing.T) {
	p, err := peers.StartRedisCluster(t.Context())
	peers.Need(t, err)
	t.Cleanup(p.Close)
	ctx := t.Context()
	s := open(t, redis.Options{URLs: p.URLs(), Timeout: time.Second})
	k := kv.Key{Prefix: kv.ScriptCounter, Name: "n"}
	reply, err := p.Nodes[0].Do(ctx, "CLUSTER", "KEYSLOT", s.Tag(k))
	if err != nil {
		t.Fatal(err)
	}
	slot, err := strconv.Atoi(reply)
	if err != nil {
		t.Fatal(err)
	}
	from := 0
	for slot >= (from+1)*16384/3 {
		from++
	}
	to := (from + 1) % 3

	// Nothing fails while the slot moves, however busy the machine is.
	patience(t, p, time.Hour)
	w := begin(t, s, k, 0)
	move(t, p, slot, from, to)
	w.more(t)
	w.end()
	n, err := s.Counter(ctx, k)
	if lo, hi := w.acknowledged.Load(), w.acknowledged.Load()+w.unknown.Load(); err != nil || n < lo || n > hi {
		t.Errorf("after the move: counted %d, %v, want %d to %d", n, err, lo, hi)
	}
	consistent(t, s, k.Prefix)

	patience(t, p, time.Second)
	w = begin(t, s, k, 1)
	p.Nodes[to].Kill()
	w.more(t) // after the replica has taken over
	w.end()
	for name, err := range allCalls(ctx, s) {
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Nodes[to].Start(ctx); err != nil { // it comes back as a replica
		t.Fatal(err)
	}
}

// patience sets how long the nodes do without an answer of another before it has failed.
func patience(t *testing.T, p *peers.RedisCluster, d time.Duration) {
	t.Helper()
	for _, n := range p.Nodes {
		if reply, err := n.Do(t.Context(), "CONFIG", "SET", "cluster-node-timeout", strconv.FormatInt(d.Milliseconds(), 10)); err != nil || reply != "OK" {
			t.Fatalf("%s, %v", reply, err)
		}
	}
}

// move brings a slot from one master to another, a few keys at a time.
func move(t *testing.T, p *peers.RedisCluster, slot, from, to int) {
	t.Helper()
	ctx, src, dst := t.Context(), p.Nodes[from], p.Nodes[to]
	do := func(r *peers.Redis, args ...string) string {
		t.Helper()
		reply, err := r.Do(ctx, args...)
		if err != nil || strings.HasPrefix(reply, "ERR") {
			t.Fatalf("%q: %s, %v", args, reply, err)
		}
		return reply
	}
	number, srcID, dstID := strconv.Itoa(slot), do(src, "CLUSTER", "MYID"), do(dst, "CLUSTER", "MYID")
	do(dst, "CLUSTER", "SETSLOT", number, "IMPORTING", srcID)
	do(src, "CLUSTER", "SETSLOT", number, "MIGRATING", dstID)
	moved := 0
	for {
		keys := do(src, "CLUSTER", "GETKEYSINSLOT", number, "3")
		if keys == "" {
			break
		}
		args := append([]string{"MIGRATE", "127.0.0.1", dst.Port(), "", "0", "5000", "KEYS"}, strings.Split(keys, "\n")...)
		do(src, args...)
		moved++
	}
	if moved < 3 {
		t.Errorf("the slot moved in %d steps: this proves nothing", moved)
	}
	do(dst, "CLUSTER", "SETSLOT", number, "NODE", dstID)
	do(src, "CLUSTER", "SETSLOT", number, "NODE", dstID)
}
