package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/bayes"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/overlay"
	"github.com/sluice-mail/sluice/mail"
)

// as runs a script of a trust for an account.
func (s *session) as(trust Trust, account, source string, o RunOptions) *Result {
	s.t.Helper()
	tx := ExampleTransaction()
	tx.Rcpt.Account, tx.Rcpt.Name = account, "name of "+account
	o.Trust, o.Now, o.Namespace = trust, s.c.now, "u:"+account
	if o.Host == nil {
		o.Host = s.host
	}
	return testEngine.Run(s.t.Context(), compileTiny(s.t, source), tx, o)
}

// learnt returns how many messages of spam and ham a script's model has.
func (s *session) learnt(trust Trust, account string) [2]int64 {
	s.t.Helper()
	r := s.as(trust, account, `bayes_classify("x")`, RunOptions{})
	if r.Err != nil {
		s.t.Fatal(r.Err)
	}
	m := r.Value.(map[string]Value)
	return [2]int64{m["learned_spam"].(int64), m["learned_ham"].(int64)}
}

// rowsOf returns the counters of a model that are not 0.
func (s *session) rowsOf(p kv.Prefix, name string) map[string]bayes.Counts {
	s.t.Helper()
	store, err := s.host.Stores("")
	if err != nil {
		s.t.Fatal(err)
	}
	items, _, err := store.List(s.t.Context(), p, name, "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]bayes.Counts{}
	for _, it := range items {
		n, err := kv.ParseCounter(it.Value.Bytes)
		if err != nil {
			s.t.Fatal(err)
		}
		if n != 0 && it.Key.Name[len(name)] != 'm' {
			out[it.Key.Name] = bayes.Unpack(n)
		}
	}
	return out
}

func TestMessagesAreLearntOnce(t *testing.T) {
	s := newSession(t)
	for _, step := range []struct {
		source string
		want   Value
		counts [2]int64 // spam, ham
	}{
		{`bayes_train("spam")`, true, [2]int64{1, 0}},
		{`bayes_train("spam")`, false, [2]int64{1, 0}},
		{`bayes_untrain("ham")`, false, [2]int64{1, 0}},
		{`bayes_train("ham")`, true, [2]int64{0, 1}},
		{`bayes_train("ham", "another text")`, true, [2]int64{0, 2}},
		{`bayes_untrain("ham")`, true, [2]int64{0, 1}},
		{`bayes_untrain("ham")`, false, [2]int64{0, 1}},
		{`bayes_train("spam")`, true, [2]int64{1, 1}},
		{`bayes_untrain("ham", "another text")`, true, [2]int64{1, 0}},
		{`bayes_untrain("spam")`, true, [2]int64{0, 0}},
	} {
		r := s.as(Admin, "a1", step.source, RunOptions{})
		if r.Err != nil || r.Value != step.want {
			t.Fatalf("%s is %v, %v, want %v", step.source, r.Value, r.Err, step.want)
		}
		if got := s.learnt(Admin, "a1"); got != step.counts {
			t.Errorf("after %s spam and ham are %v, want %v", step.source, got, step.counts)
		}
	}
	if rows := s.rowsOf(kv.BayesModelGlobal, ""); len(rows) != 0 {
		t.Errorf("what was taken back left %v", rows)
	}
}

func TestAMessageIsKnownByItsWordsNotByItsWay(t *testing.T) {
	s := newSession(t)
	train := func(trace string) Value {
		tx := ExampleTransaction()
		tx.Message = mail.New(append([]byte(trace), tx.Message.Raw()...))
		r := testEngine.Run(t.Context(), compileTiny(t, `bayes_train("ham")`), tx, RunOptions{Host: s.host, Trust: Admin, Now: s.c.now})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Value
	}
	if v := train("Received: from a.example\r\n"); v != true {
		t.Errorf("the first is %v", v)
	}
	if v := train("Received: from b.example\r\nX-Spam-Flag: YES\r\n"); v != false {
		t.Errorf("its copy is %v", v)
	}
}

func TestUsersLearnForThemselves(t *testing.T) {
	s := newSession(t)
	must := func(trust Trust, account, source string, want Value) {
		t.Helper()
		if r := s.as(trust, account, source, RunOptions{}); r.Err != nil || r.Value != want {
			t.Errorf("%s of %s is %v, %v", source, account, r.Value, r.Err)
		}
	}
	must(User, "a1", `bayes_train("spam")`, true)
	must(User, "a2", `bayes_train("ham")`, true)
	must(Admin, "a1", `bayes_train("ham")`, true)
	must(Admin, "a1", `bayes_train("spam", "for another", {"account": "a2"})`, true)
	must(Admin, "a1", `bayes_train("spam", "by its name", {"account": "name of a1"})`, true)
	for _, tt := range []struct {
		trust   Trust
		account string
		want    [2]int64
	}{{User, "a1", [2]int64{2, 0}}, {User, "a2", [2]int64{1, 1}}, {User, "a", [2]int64{}}, {Admin, "a2", [2]int64{0, 1}}} {
		if got := s.learnt(tt.trust, tt.account); got != tt.want {
			t.Errorf("%v of %s has learnt %v, want %v", tt.trust, tt.account, got, tt.want)
		}
	}
	for _, tt := range []struct {
		trust           Trust
		account, source string
		want            string
	}{
		{User, "a1", `bayes_classify("x", {"account": "a2"})`, "bayes_classify: option account is for administrators' scripts only"},
		{User, "a1", `bayes_train("ham", "x", {"account": "a1"})`, "bayes_train: option account is for administrators' scripts only"},
		{User, "", `bayes_untrain("ham", "x")`, "bayes_untrain: the script has no account to learn for"},
		{Admin, "a1", `bayes_train("ham", "xx", {"account": ""})`, `bayes_train: option account: "" is no account`},
		{Admin, "a1", `bayes_train("ham", "xx", {"account": "a\u0000n"})`, `bayes_train: option account: "a\x00n" is no account`},
		{User, "a1", `greylist("k")`, "greylist is for administrators' scripts only"},
		{User, "a1", `reputation_update("ip", "192.0.2.1", 1)`, "reputation_update is for administrators' scripts only"},
		{User, "a1", `trusted_reply_add()`, "trusted_reply_add is for administrators' scripts only"},
	} {
		r := s.as(tt.trust, tt.account, tt.source, RunOptions{})
		if r.Err == nil || !strings.HasSuffix(r.Err.Error(), ": "+tt.want) {
			t.Errorf("%s: %v, want %s", tt.source, r.Err, tt.want)
		}
	}
}

func TestThereHasToBeSomethingToLearn(t *testing.T) {
	s := newSession(t)
	tx := &Transaction{Stage: StageRcpt, Time: s.c.now()}
	r := testEngine.Run(t.Context(), compileTiny(t, `bayes_train("ham")`), tx, RunOptions{Host: s.host, Trust: Admin})
	if r.Err == nil || !strings.HasSuffix(r.Err.Error(), "bayes_train: there is no message at stage rcpt; give a text") {
		t.Errorf("error is %v", r.Err)
	}
	r = testEngine.Run(t.Context(), compileTiny(t, `bayes_train("ham", "a text")`), tx, RunOptions{Host: s.host, Trust: Admin})
	if r.Err != nil || r.Value != true {
		t.Errorf("a text is %v, %v", r.Value, r.Err)
	}
	r = testEngine.Run(t.Context(), compileTiny(t, `bayes_train("ham", "a text")`), tx, RunOptions{Host: &Live{}, Trust: Admin})
	if r.Err == nil || !strings.HasSuffix(r.Err.Error(), "bayes_train: this server has no store to learn in") {
		t.Errorf("error is %v", r.Err)
	}
}

func TestAUsersModelIsBounded(t *testing.T) {
	s := newSession(t)
	store, _ := s.host.Stores("")
	if _, err := store.Incr(t.Context(), userModel(store, "a1").key("n"), bayes.Counts{Ham: 60_000, Spam: 40_000}.Packed(), 0); err != nil {
		t.Fatal(err)
	}
	if r := s.as(User, "a1", `bayes_train("ham", "one more")`, RunOptions{}); !errors.Is(r.Err, kv.ErrFull) {
		t.Errorf("error is %v", r.Err)
	}
	if r := s.as(User, "a2", `bayes_train("ham", "one more")`, RunOptions{}); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestLongMessagesCountAsSeveralOperations(t *testing.T) {
	s := newSession(t)
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "word%d ", i)
	}
	source := `bayes_train("spam", "` + b.String() + `")`
	if r := s.as(User, "a1", source, RunOptions{Limits: Limits{Ops: 8}}); r.Err != nil {
		t.Error(r.Err)
	}
	var limit *LimitError
	if r := s.as(User, "a1", source, RunOptions{Limits: Limits{Ops: 7}}); !errors.As(r.Err, &limit) || limit.Limit != "ops" {
		t.Errorf("error is %v", r.Err)
	}
}

// counting counts the calls of a store.
type counting struct {
	kv.Store
	reads, writes atomic.Int64
}

func (c *counting) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, k)
}

func (c *counting) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	c.reads.Add(1)
	return c.Store.GetMany(ctx, ks)
}

func (c *counting) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	c.writes.Add(1)
	return c.Store.Incr(ctx, k, by, ttl)
}

func TestAMessageIsClassifiedWithOneRead(t *testing.T) {
	c := newClock()
	store := &counting{Store: newStore(t, c)}
	s := &session{t: t, c: c, host: liveOver(store)}
	if r := s.as(Admin, "a1", `bayes_classify()`, RunOptions{}); r.Err != nil {
		t.Fatal(r.Err)
	}
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
	if r := s.as(Admin, "a1", `bayes_train("ham")`, RunOptions{}); r.Err != nil {
		t.Fatal(r.Err)
	}
	want := int64(len(globalModel(store).keys(bayes.Message(ExampleTransaction().Message))))
	if n := store.writes.Load(); n != want {
		t.Errorf("%d counters were added to, the message has %d", n, want)
	}
}

func TestLearningAtTheSameTimeLosesNothing(t *testing.T) {
	s := newSession(t)
	texts := []string{"cheap pills for you", "cheap watches for you", "see you at noon", "the pills are cheap at noon"}
	run := func(source string) {
		if r := testEngine.Run(t.Context(), compileTiny(t, source), ExampleTransaction(), RunOptions{Host: s.host, Trust: Admin, Now: s.c.now}); r.Err != nil {
			t.Error(r.Err)
		}
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 40 {
				text := texts[(worker+i)%len(texts)]
				class := []string{"spam", "ham"}[(worker*3+i)%2]
				do := []string{"bayes_train", "bayes_train", "bayes_untrain"}[(worker+i)%3]
				run(fmt.Sprintf(`%s("%s", "%s")`, do, class, text))
			}
		})
	}
	all.Wait()
	// Whatever came out, it is as if each text had been learnt once, in the end, or not at all.
	for i, text := range texts {
		run(fmt.Sprintf(`bayes_train("%s", "%s")`, []string{"spam", "ham"}[i%2], text))
	}
	got := s.rowsOf(kv.BayesModelGlobal, "")
	other := newSession(t)
	for i, text := range texts {
		other.as(Admin, "a1", fmt.Sprintf(`bayes_train("%s", "%s")`, []string{"spam", "ham"}[i%2], text), RunOptions{})
	}
	if diff := cmp.Diff(other.rowsOf(kv.BayesModelGlobal, ""), got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestScoresFollowWhatWasLearnt(t *testing.T) {
	s := newSession(t)
	spam := "amazing offer buy cheap replica watches and pills today with free shipping click now winner number %d"
	ham := "please review the attached minutes of our meeting on friday and tell me what the team decided number %d"
	for i := range 10 {
		for class, text := range map[string]string{"spam": spam, "ham": ham} {
			if r := s.as(User, "a1", fmt.Sprintf(`bayes_train("%s", "%s")`, class, fmt.Sprintf(text, i*37)), RunOptions{}); r.Err != nil || r.Value != true {
				t.Fatal(r.Value, r.Err)
			}
		}
	}
	for text, want := range map[string]string{spam: "spam", ham: "ham"} {
		r := s.as(User, "a1", fmt.Sprintf(`bayes_classify("%s", {"min_learns": 10})`, fmt.Sprintf(text, 999)), RunOptions{})
		m, _ := r.Value.(map[string]Value)
		if r.Err != nil || m[want] != true {
			t.Errorf("%s is %v, %v", want, ValueText(r.Value), r.Err)
		}
	}
	r := s.as(User, "a1", `bayes_classify("cheap pills", {"min_learns": 11})`, RunOptions{})
	if m := r.Value.(map[string]Value); m["score"] != nil || m["learned_spam"] != int64(10) {
		t.Errorf("before enough is learnt: %s", ValueText(m))
	}
}

func TestLearningCanBeTriedAndReplayed(t *testing.T) {
	s := newSession(t)
	store, _ := s.host.Stores("")
	source := "bayes_train(\"spam\")\nreputation_update(\"ip\", \"192.0.2.1\", 3)\ngreylist(\"k\")\ntrusted_reply_add()\nbayes_classify(null, {\"min_learns\": 1})"
	dry := overlay.New(store, overlay.Options{Now: s.c.now})
	t.Cleanup(func() { _ = dry.Close() })
	r := s.as(Admin, "a1", source, RunOptions{Host: liveOver(dry), Record: RecordCalls})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if m := r.Value.(map[string]Value); m["learned_spam"] != int64(1) {
		t.Errorf("the dry run itself sees %s", ValueText(m))
	}
	stats, err := store.Stats(t.Context())
	if err != nil || len(stats) != 0 {
		t.Errorf("a dry run left %v, %v", stats, err)
	}
	again, err := testEngine.Replay(t.Context(), compileTiny(t, source), r.Record, RunOptions{})
	if err != nil || again.Err != nil || !Equal(again.Value, r.Value) {
		t.Errorf("replay is %v, %v, %v", again, err, ValueText(r.Value))
	}
}

func BenchmarkBayes(b *testing.B) {
	c := newClock()
	host := liveOver(newStore(b, c))
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("Subject: x\r\n\r\n" + strings.Repeat("please look through your folders and tell us what can go\r\n", 20)))
	for _, source := range []string{`bayes_classify()`, "bayes_train(\"spam\")\nbayes_untrain(\"spam\")"} {
		b.Run(source[:strings.IndexByte(source, '(')], func(b *testing.B) {
			p := compileTiny(b, source)
			b.ReportAllocs()
			for b.Loop() {
				if r := testEngine.Run(b.Context(), p, tx, RunOptions{Host: host, Trust: Admin}); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}
