package runtime

import (
	"errors"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
)

// What is remembered of messages that were sent, and how many ids a check looks up.
const (
	replyTTL   = 30 * 24 * time.Hour
	maxReplies = 50
)

func init() {
	register(Function{
		Name:   "trusted_reply_add",
		Family: "learn",
		Doc: "Remembers the Message-ID of a message that a user sends, for 30 days, so that an answer to it is known by `trusted_reply_check`. Returns false " +
			"where there is no lawful id. It is for mail whose sender is authenticated: who can add ids can have any mail trusted.",
		Params: []Param{{Name: "message_id", Kind: String, Optional: true, Doc: "the id in angle brackets; left out, that of the message"}},
		Result: Bool, Effect: Writes, Trust: Admin,
		Examples: []Example{
			{Code: `trusted_reply_add()`, Want: `true`},
			{Code: `trusted_reply_add("<1@example.org>")`, Want: `true`},
			{Code: `trusted_reply_add("no id")`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ids := e.replyIDs(a[0], 1, "Message-ID")
			if len(ids) == 0 {
				return false, nil
			}
			s, err := e.learntStore()
			if err != nil {
				return nil, err
			}
			err = s.Set(e.Context, replyKey(ids[0]), []byte("1"), replyTTL)
			return err == nil, err
		},
	})
	register(Function{
		Name:   "trusted_reply_check",
		Family: "learn",
		Doc: "Says whether the message answers one that `trusted_reply_add` remembers: whether In-Reply-To or References name it. At most 50 ids are looked up, " +
			"those of In-Reply-To first and then the last ones of References.",
		Params: []Param{{Name: "message_ids", Kind: String, Optional: true, Doc: "ids in angle brackets, in place of those of the message"}},
		Result: Bool, Effect: Reads, Trust: Admin,
		Examples: []Example{
			{Code: `trusted_reply_check()`, Want: `false`},
			{Setup: []string{`trusted_reply_add()`}, Code: `trusted_reply_check("<0@example.com> <example-1@example.net>")`, Want: `true`},
			{Setup: []string{`trusted_reply_add("<1@example.org>")`}, Code: `trusted_reply_check("<2@example.org>")`, Want: `false`},
			{Code: `trusted_reply_check("")`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ids := e.replyIDs(a[0], maxReplies, "In-Reply-To", "References")
			if len(ids) == 0 {
				return false, nil
			}
			s, err := e.learntStore()
			if err != nil {
				return nil, err
			}
			ks := make([]kv.Key, len(ids))
			for i, id := range ids {
				ks[i] = replyKey(id)
			}
			rows, err := s.GetMany(e.Context, ks)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return nil, err
			}
			return slices.ContainsFunc(rows, func(v kv.Value) bool { return v.Bytes != nil }), nil
		},
	})
}

// replyIDs returns up to most different message ids of a text, or if it is nil of these
// fields of the message, the last ones of each.
func (e *Env) replyIDs(text Value, most int, fields ...string) (ids []string) {
	add := func(value string) {
		all := mail.MessageIDs(value)
		for _, id := range slices.Backward(all) {
			if len(ids) < most && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if s, ok := text.(string); ok {
		add(s)
		return ids
	}
	m := e.View.Mail()
	if m == nil {
		return nil
	}
	for _, name := range fields {
		for _, value := range m.Header().Values(name) {
			if len(ids) < most {
				add(value)
			}
		}
	}
	return ids
}

func replyKey(id string) kv.Key { return kv.Key{Prefix: kv.TrustedReply, Name: boundedName(id)} }
