package runtime

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/bayes"
)

// opTokens is how many tokens count as one operation of the run beside the call's own.
const opTokens = 100

func init() {
	class := Param{Name: "class", Kind: String, Doc: "`spam` or `ham`"}
	text := Param{Name: "text", Kind: String, Optional: true, Doc: "what is read in place of the message of the run"}
	options := Param{Name: "options", Kind: Map, Optional: true, Doc: "`account`: for administrators, the id of the account whose model is meant, " +
		"or the name of the recipient's account; left out, the model for everybody"}
	const models = " A user's script has the model of its account, an administrator's the one for everybody, or that of the account in the options."
	const counts = " Each 100 tokens count as one more operation of the run."
	register(Function{
		Name:   "bayes_train",
		Family: "learn",
		Doc: "Learns the message of the run, or a text, as spam or ham, and says whether it did. What was learnt in that class before " +
			"is not learnt again, and what was learnt in the other is taken back there: messages with the same tokens are the same message. " +
			"It is remembered for 366 days. False also where there is no word to learn." + models + counts +
			" A user's model takes 100,000 messages; `account` in a user's script is an error.",
		Params: []Param{class, text, options},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `bayes_train("spam")`, Want: `true`},
			{Code: `bayes_train("spam", "cheap pills")`, Want: `true`},
			{Setup: []string{`bayes_train("ham", "see you at noon")`}, Code: `bayes_train("ham", "see you at noon")`, Want: `false`},
			{Setup: []string{`bayes_train("spam", "see you")`, `bayes_train("ham", "see you")`}, Code: `bayes_classify("x").learned_spam`, Want: `0`},
			{Setup: []string{`bayes_train("spam", "cheap pills")`}, Code: `bayes_train("spam", "cheap pills", {"account": "bob"})`, Want: `true`},
			{Code: `bayes_train("spam", " . ")`, Want: `false`},
			{Code: `bayes_train("junk", "x")`, Error: `bayes_train: class is "junk", not spam or ham`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			c, err := classMark(a.String(0))
			if err != nil {
				return nil, err
			}
			return e.learn(a, c, false)
		},
	})
	register(Function{
		Name:   "bayes_untrain",
		Family: "learn",
		Doc: "Takes back that the message of the run, or a text, was learnt as spam or ham, and says whether it did: " +
			"false where it was not learnt in that class." + models + counts,
		Params: []Param{class, text, options},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Setup: []string{`bayes_train("spam")`}, Code: `bayes_untrain("spam")`, Want: `true`},
			{Setup: []string{`bayes_train("spam", "cheap pills")`}, Code: `bayes_untrain("ham", "cheap pills")`, Want: `false`},
			{Code: `bayes_untrain("ham", "never seen")`, Want: `false`},
			{Setup: []string{`bayes_train("ham", "a note")`, `bayes_untrain("ham", "a note")`}, Code: `bayes_classify("x").learned_ham`, Want: `0`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			c, err := classMark(a.String(0))
			if err != nil {
				return nil, err
			}
			return e.learn(a, c, true)
		},
	})
	classifyOptions := options
	classifyOptions.Doc += "; `min_learns`: how many messages of each class have to be learnt before there is a score, 200 if left out, at least 1"
	register(Function{
		Name:   "bayes_classify",
		Family: "learn",
		Doc: "Compares the message of the run, or a text, with what was learnt, and returns a map: `score` (0 is ham, 1 is spam; null while " +
			"fewer than `min_learns` messages of either class are learnt, 0.5 if fewer than 11 tokens say something), `spam` (score of 0.9 or more), `ham` " +
			"(0.1 or less), `tokens` (how many the score stands on), `learned_spam` and `learned_ham` (messages). Tokens are words and pairs of neighbours, " +
			"of the decoded text, of what HTML shows, of links, and of Subject, From, Reply-To, the mailer's name and which fields of replies and lists are there; " +
			"at most 999 of the first 128 KiB. The 200 strongest count." + models + counts,
		Params: []Param{text, classifyOptions},
		Result: Map, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `bayes_classify("cheap pills")`, Want: `{"score": null, "spam": false, "ham": false, "tokens": 0, "learned_spam": 0, "learned_ham": 0}`},
			{Code: `bayes_classify().spam`, Want: `false`},
			{Setup: []string{`bayes_train("spam", "cheap pills")`}, Code: `bayes_classify().learned_spam`, Want: `1`},
			{Setup: []string{`bayes_train("spam")`, `bayes_train("ham", "what we ate at noon was good")`}, Code: `bayes_classify(null, {"min_learns": 1}).spam`, Want: `true`},
			{Setup: []string{`bayes_train("ham")`, `bayes_train("spam", "cheap pills")`}, Code: `bayes_classify(null, {"min_learns": 1}).ham`, Want: `true`},
			{Setup: []string{`bayes_train("ham", "at noon")`, `bayes_train("spam", "cheap pills")`}, Code: `bayes_classify("at noon", {"min_learns": 1}).score`, Want: `0.5`},
			{Code: `bayes_classify("x", {"min_learns": 0})`, Error: `bayes_classify: option min_learns: must be 1 or more`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			least := int64(bayes.MinLearns)
			opts, err := optionsOf(a.Map(1), map[string]Kind{"account": String, "min_learns": Int})
			if err != nil {
				return nil, err
			}
			if n, ok := opts["min_learns"].(int64); ok {
				if least = n; n < 1 {
					return nil, errors.New("option min_learns: must be 1 or more")
				}
			}
			m, tokens, err := e.bayesModel(a[0], opts)
			if err != nil {
				return nil, err
			}
			return m.classify(e, tokens, least)
		},
	})
}

// learn does bayes_train, or bayes_untrain.
func (e *Env) learn(a Args, class mark, back bool) (Value, error) {
	opts, err := optionsOf(a.Map(2), map[string]Kind{"account": String})
	if err != nil {
		return nil, err
	}
	m, tokens, err := e.bayesModel(a[1], opts)
	if err != nil || len(tokens) == 0 {
		return false, err
	}
	if back {
		return bools(m.move(e, tokens, func(was mark) mark {
			if was == class {
				return notLearnt
			}
			return was
		}))
	}
	if m.full != 0 {
		if n, err := m.learnt(e); err != nil || n.Ham+n.Spam >= m.full {
			return nil, errors.Join(err, overModel(n, m.full))
		}
	}
	return bools(m.move(e, tokens, func(mark) mark { return class }))
}

// bayesModel returns the model and the tokens that a call is about: those of text, or of the
// message if it is nil. It counts the operations that they cost.
func (e *Env) bayesModel(text Value, opts map[string]Value) (*model, []bayes.Token, error) {
	whose := ""
	switch account, given := opts["account"].(string); {
	case given && e.View.Trust < Admin:
		return nil, nil, errors.New("option account is for administrators' scripts only")
	case given && (account == "" || len(account) > maxAccount || strings.ContainsRune(account, 0)):
		return nil, nil, fmt.Errorf("option account: %q is no account", cut(account, 40))
	case given && account == e.View.Rcpt.Name:
		whose = e.View.Rcpt.Account
	case given:
		whose = account
	case e.View.Trust < Admin:
		whose = e.View.Rcpt.Account
	}
	s, err := e.learntStore()
	if err != nil {
		return nil, nil, err
	}
	m := globalModel(s)
	if whose != "" {
		m = userModel(s, whose)
	} else if e.View.Trust < Admin {
		return nil, nil, errors.New("the script has no account to learn for")
	}
	var tokens []bayes.Token
	if s, ok := text.(string); ok {
		tokens = bayes.Text(s)
	} else if msg := e.View.Mail(); msg != nil {
		tokens = bayes.Message(msg)
	} else {
		return nil, nil, fmt.Errorf("there is no message at stage %s; give a text", e.View.Stage)
	}
	for range len(tokens) / opTokens {
		if err := e.operation(); err != nil {
			return nil, nil, err
		}
	}
	return m, tokens, nil
}
