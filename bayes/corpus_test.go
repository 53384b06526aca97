package bayes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/corpus"
	"github.com/sluice-mail/sluice/mail"
)

// judged is a message of the corpus: its tokens, and what it is.
type judged struct {
	spam   bool
	tokens []Token
}

// readCorpus returns the tokens of every nth message of the SpamAssassin corpus.
func readCorpus(t testing.TB, nth int) []judged {
	var all []judged
	i := 0
	for name, raw := range corpus.Messages(t) {
		if i++; i%nth == 0 {
			all = append(all, judged{strings.HasPrefix(name, "spam"), Message(mail.New(raw))})
		}
	}
	return all
}

// trial is what came out of one seed: the scores of the half that was not learnt, in order.
type trial struct {
	ham, spam []float64
	distinct  int // tokens in the half that was learnt
}

// bits are those of a model of a server.
const bits = 24

// try learns half of the messages and classifies the other, both chosen by seed.
func try(all []judged, seed uint64) trial {
	order := rand.New(rand.NewPCG(seed, 0)).Perm(len(all))
	model := map[uint64]Counts{}
	var learnt Counts
	half := len(all) / 2
	for _, i := range order[:half] {
		class := Ham
		if all[i].spam {
			class = Spam
		}
		learnt = Counts{learnt.Ham + class.Ham, learnt.Spam + class.Spam}
		for _, k := range all[i].tokens {
			k := k.Bucket(bits)
			c := model[k]
			model[k] = Counts{c.Ham + class.Ham, c.Spam + class.Spam}
		}
	}
	r := trial{distinct: len(model)}
	for _, i := range order[half:] {
		counts := make([]Counts, len(all[i].tokens))
		for j, k := range all[i].tokens {
			counts[j] = model[k.Bucket(bits)]
		}
		score, _ := Classify(learnt, counts)
		if all[i].spam {
			r.spam = append(r.spam, score)
		} else {
			r.ham = append(r.ham, score)
		}
	}
	slices.Sort(r.ham)
	slices.Sort(r.spam)
	return r
}

// above returns which part of the sorted scores is at least limit.
func above(scores []float64, limit float64) float64 {
	i, _ := slices.BinarySearch(scores, limit)
	return float64(len(scores)-i) / float64(len(scores))
}

// caught returns which part of the spam scores higher than all ham but the given part
// of it, and the score of the first ham that is not lost.
func (r trial) caught(lost float64) (part, limit float64) {
	limit = r.ham[len(r.ham)-1-int(lost*float64(len(r.ham)))]
	i := 0
	for i < len(r.spam) && r.spam[i] <= limit {
		i++
	}
	return float64(len(r.spam)-i) / float64(len(r.spam)), limit
}

func (r trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ham, %d spam, %d tokens:", len(r.ham), len(r.spam), r.distinct)
	for _, lost := range []float64{0, 0.001, 0.002, 0.004, 0.008, 0.02} {
		part, limit := r.caught(lost)
		fmt.Fprintf(&b, " %.2f%% at %.1f%% (above %.3f)", 100*part, 100*lost, limit)
	}
	for _, score := range []float64{SpamScore, 0.5, HamScore} {
		fmt.Fprintf(&b, "; from %.1f: %.2f%% of spam, %.2f%% of ham", score, 100*above(r.spam, score), 100*above(r.ham, score))
	}
	return b.String()
}

// BenchmarkCorpus learns half of the SpamAssassin corpus and classifies the other for five
// seeds, and tells the worst. Hard ham counts as ham.
func BenchmarkCorpus(b *testing.B) {
	all := readCorpus(b, 1)
	at4, at8 := 1.0, 1.0
	for b.Loop() {
		for seed := range uint64(5) {
			r := try(all, seed+1)
			b.Logf("seed %d: %v", seed+1, r)
			part4, _ := r.caught(0.004)
			part8, _ := r.caught(0.008)
			at4, at8 = min(at4, part4), min(at8, part8)
		}
	}
	b.ReportMetric(100*at4, "%spam@0.4%ham")
	b.ReportMetric(100*at8, "%spam@0.8%ham")
	b.ReportMetric(float64(len(all)), "messages")
}

func TestMostSpamOfRealMailIsCaught(t *testing.T) {
	r := try(readCorpus(t, 2), 1)
	t.Log(r)
	for _, bar := range []struct{ lost, caught float64 }{{0.004, 0.90}, {0.008, 0.92}} {
		if got, _ := r.caught(bar.lost); got < bar.caught {
			t.Errorf("%.2f%% of spam is caught where %.1f%% of ham is lost, want %.2f%%", 100*got, 100*bar.lost, 100*bar.caught)
		}
	}
	if spam, ham := above(r.spam, SpamScore), above(r.ham, SpamScore); spam < 0.85 || ham > 0.01 {
		t.Errorf("%.2f%% of spam and %.2f%% of ham score %v or more", 100*spam, 100*ham, SpamScore)
	}
}
