// Package bayes tells spam from ham by the tokens of a text: what the tokens of a
// message are, and what counts of them say. It keeps nothing; who calls it stores
// the counts.
//
//	message ──Message──> tokens ──(counts of each, from a store)──> Classify ──> score
//
// Tokens are words and pairs of neighbouring words (orthogonal sparse bigrams with
// a window of 2), each as a hash. A message has a bounded number of them, each once,
// and what it takes to find them is linear in the text, which is bounded too.
//
// All functions may be called from many goroutines.
package bayes

import "math"

// Counts are how many messages of each class were learnt, all of them or those that
// have one token.
type Counts struct{ Ham, Spam int64 }

// The two classes.
var (
	Ham  = Counts{Ham: 1}
	Spam = Counts{Spam: 1}
)

// Minus returns what turns b into c when it is added.
func (c Counts) Minus(b Counts) Counts { return Counts{c.Ham - b.Ham, c.Spam - b.Spam} }

// Packed returns both counts as one number. The sum of packed numbers is the packed
// sum, so that a counter can hold it, also while differences are added in any order.
func (c Counts) Packed() int64 { return c.Ham<<32 + c.Spam }

// Unpack is the reverse of Packed. A count below 0, which a counter that lost its
// last second may have, is 0.
func Unpack(n int64) Counts {
	spam := int64(int32(n))
	return Counts{Ham: max((n-spam)>>32, 0), Spam: max(spam, 0)}
}

// How Classify weighs.
const (
	MinLearns = 200  // messages of each class that have to be learnt before a score means something
	MinTokens = 11   // tokens that have to say something
	best      = 200  // that say most are heard
	strength  = 0.1  // distance from 0.5 below which a token says nothing
	prior     = 0.03 // messages that a token is taken to have been in before it was seen, half of each class
	steepness = 1.6  // of the score; makes SpamScore what it is
)

// A score at or above SpamScore is spam, one at or below HamScore is ham.
const (
	SpamScore = 0.9
	HamScore  = 0.1
)

// Classify returns how much the tokens with these counts look like spam, as a number
// between 0 (ham) and 1 (spam), and how many tokens it stands on. all is what was
// learnt. It has no opinion, and the score is 0.5, where fewer than MinTokens tokens
// say something.
//
// The chance of each token is that of Robinson, the strongest are combined as Fisher
// does for both classes. Instead of the two chances, which round to 0 and 1 for any
// usual text, their distances from the mean in standard deviations are compared
// (approximation of Wilson and Hilferty), so that scores keep their order.
func Classify(all Counts, tokens []Counts) (score float64, used int) {
	if all.Ham <= 0 || all.Spam <= 0 {
		return 0.5, 0
	}
	var strong strongest
	for _, c := range tokens {
		n := float64(c.Ham + c.Spam)
		if n <= 0 {
			continue
		}
		ham, spam := float64(c.Ham)/float64(all.Ham), float64(c.Spam)/float64(all.Spam)
		p := spam / (ham + spam)
		p = (prior*0.5 + n*p) / (prior + n)
		if math.Abs(p-0.5) >= strength {
			strong = append(strong, p)
		}
	}
	if len(strong) < MinTokens {
		return 0.5, 0
	}
	strong = strong.cut(best)
	var forHam, forSpam float64
	for _, p := range strong {
		forHam -= 2 * math.Log(p)
		forSpam -= 2 * math.Log(1-p)
	}
	free := 2 * float64(len(strong))
	d := deviation(forSpam, free) - deviation(forHam, free)
	return 1 / (1 + math.Exp(-d/steepness)), len(strong)
}

// deviation returns how many standard deviations a chi-square value lies above the
// mean, after it was made about normal.
func deviation(x, free float64) float64 {
	v := 2 / (9 * free)
	return (math.Cbrt(x/free) - (1 - v)) / math.Sqrt(v)
}
