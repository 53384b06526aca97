package runtime

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/bayes"
	"github.com/sluice-mail/sluice/kv"
)

// How much a model may hold. Its rows are bounded by the bits of a token, whatever it is
// fed with; a row of an account takes some 40 octets.
const (
	globalBits = 24
	userBits   = 20
	userFull   = 100_000 // messages
	maxAccount = 200     // octets of an account's id
	markTTL    = 366 * 24 * time.Hour
)

// mark is what is remembered of a message: the class in which it was learnt.
type mark byte

// They are numbers, since the rows of a model are counters.
const (
	notLearnt mark = '0'
	learntHam mark = '1'
	learntBad mark = '2'
)

func classMark(class string) (mark, error) {
	switch class {
	case "ham":
		return learntHam, nil
	case "spam":
		return learntBad, nil
	}
	return 0, fmt.Errorf("class is %q, not spam or ham", cut(class, 40))
}

// counts is what a message adds to the rows of its tokens.
func (m mark) counts() bayes.Counts {
	switch m {
	case learntHam:
		return bayes.Ham
	case learntBad:
		return bayes.Spam
	}
	return bayes.Counts{}
}

// model is where counts of tokens are kept. Each row is one counter with both classes in it:
//
//	n         messages
//	t TOKEN   messages that have the token
//	m HASH    a mark: the message with these tokens was learnt
//
// and of an account, all behind its id and a NUL. Counters are added to, never written, so
// that messages learnt at the same time lose nothing; the mark is swapped first, and who
// swapped it adds what the swap means.
type model struct {
	store  kv.Store
	prefix kv.Prefix
	before string // of each name
	bits   int
	full   int64 // messages that it takes, 0: no bound
}

func globalModel(s kv.Store) *model {
	return &model{store: s, prefix: kv.BayesModelGlobal, bits: globalBits}
}

func userModel(s kv.Store, account string) *model {
	return &model{store: s, prefix: kv.BayesModelUser, before: account + "\x00", bits: userBits, full: userFull}
}

func (m *model) key(name string) kv.Key { return kv.Key{Prefix: m.prefix, Name: m.before + name} }

// keys returns the row of the messages, and those of the tokens.
func (m *model) keys(tokens []bayes.Token) []kv.Key {
	ks := make([]kv.Key, 0, len(tokens)+1)
	ks = append(ks, m.key("n"))
	seen := make(map[uint64]struct{}, len(tokens))
	for _, t := range tokens {
		b := t.Bucket(m.bits)
		if _, ok := seen[b]; ok { // two tokens share a row
			continue
		}
		seen[b] = struct{}{}
		ks = append(ks, m.key(string([]byte{'t', byte(b >> 16), byte(b >> 8), byte(b)})))
	}
	return ks
}

// markKey returns the row of the mark of the message that has these tokens.
func (m *model) markKey(tokens []bayes.Token) kv.Key {
	b := make([]byte, 0, 8*len(tokens))
	for _, t := range tokens {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	sum := sha256.Sum256(b)
	return m.key("m" + string(sum[:16]))
}

// move gives the message with these tokens the mark that to returns, and says whether that is
// another one than before.
func (m *model) move(e *Env, tokens []bayes.Token, to func(was mark) mark) (bool, error) {
	var was, is mark
	err := e.swap(m.store, m.markKey(tokens), func(old []byte) (c kv.Change, err error) {
		was = notLearnt
		if len(old) == 1 && (mark(old[0]) == learntHam || mark(old[0]) == learntBad) {
			was = mark(old[0])
		}
		if is = to(was); is != was {
			c.Value = kv.Value{Bytes: []byte{byte(is)}, Expires: e.Clock().Add(markTTL)}
		}
		return c, nil
	})
	if err != nil || is == was {
		return false, err
	}
	err = addMany(e.Context, m.store, m.keys(tokens), is.counts().Minus(was.counts()).Packed())
	return err == nil, err
}

// learnt returns how many messages were learnt.
func (m *model) learnt(e *Env) (bayes.Counts, error) {
	n, err := m.store.Counter(e.Context, m.key("n"))
	return bayes.Unpack(n), err
}

// classify returns what bayes_classify does. It is one read of the store.
func (m *model) classify(e *Env, tokens []bayes.Token, least int64) (Value, error) {
	rows, err := m.store.GetMany(e.Context, m.keys(tokens))
	if err != nil {
		return nil, err
	}
	counts := make([]bayes.Counts, 0, len(rows))
	for i, row := range rows {
		var n int64
		if row.Bytes != nil {
			if n, err = kv.ParseCounter(row.Bytes); err != nil {
				return nil, fmt.Errorf("row %d of the model: %w", i, err)
			}
		}
		counts = append(counts, bayes.Unpack(n))
	}
	all, counts := counts[0], counts[1:]
	out := map[string]Value{
		"score": nil, "spam": false, "ham": false, "tokens": int64(0), "learned_spam": all.Spam, "learned_ham": all.Ham,
	}
	if all.Spam >= least && all.Ham >= least {
		score, used := bayes.Classify(all, counts)
		out["score"], out["tokens"] = score, int64(used)
		out["spam"], out["ham"] = score >= bayes.SpamScore, score <= bayes.HamScore
	}
	return out, nil
}

// overModel says that a model takes no more.
func overModel(n bayes.Counts, full int64) error {
	if n.Ham+n.Spam < full {
		return nil
	}
	return fmt.Errorf("the model holds %d messages, as many as it may: %w", n.Ham+n.Spam, kv.ErrFull)
}
