package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID makes an id that was never used and never will be: a letter for its kind, the
// time in milliseconds, 80 random bits. Ids made later sort later, so that an index
// over them grows at its end.
func (s *Store) newID(kind byte) string {
	var b [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(s.o.Now().UnixMilli()))
	copy(b[:6], ms[2:])
	if _, err := io.ReadFull(s.o.Rand, b[6:]); err != nil {
		panic(fmt.Sprintf("mailstore/local: no random bits: %v", err)) // crypto/rand never fails
	}
	return string(kind) + idEncoding.EncodeToString(b[:])
}

// digest names octets, whoever owns them.
type digest [sha256.Size]byte

// blobID names octets within one account.
func blobID(account string, d digest) string {
	h := hmac.New(sha256.New, []byte(account))
	h.Write(d[:])
	return hex.EncodeToString(h.Sum(nil))
}

// BlobID returns the id of a blob with these octets in an account.
func BlobID(account string, raw []byte) mailstore.ID {
	return mailstore.ID(blobID(account, sha256.Sum256(raw)))
}

// threadID returns the id of the conversation that a message belongs to: a hash over
// the first Message-ID that it refers to, or its own. It is "" for a message that has
// neither, which is alone.
func threadID(account string, m *mail.Message) string {
	root := ""
	for _, field := range []string{"References", "In-Reply-To", "Message-ID"} {
		for _, v := range m.Header().Values(field) {
			if root = firstMessageID(v); root != "" {
				break
			}
		}
		if root != "" {
			break
		}
	}
	if root == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte(account))
	h.Write([]byte(root))
	return "t" + idEncoding.EncodeToString(h.Sum(nil)[:16])
}

// firstMessageID returns what stands in the first pair of angle brackets.
func firstMessageID(value string) string {
	_, rest, ok := strings.Cut(value, "<")
	if !ok {
		return ""
	}
	id, _, ok := strings.Cut(rest, ">")
	if !ok {
		return ""
	}
	return strings.TrimSpace(id)
}
