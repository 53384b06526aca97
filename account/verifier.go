package account

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

// What a new password is hashed with: argon2id with 19 MiB, two passes and one lane;
// SCRAM-SHA-256 with more iterations than RFC 7677 asks for.
const (
	argonMemory     = 19 * 1024 // KiB
	argonTime       = 2
	argonLanes      = 1
	argonKeySize    = 32
	saltSize        = 16
	scramIterations = 20000
)

// Bounds of what is accepted from the file, so that a damaged one cannot make a login
// cost anything it likes.
const (
	maxArgonMemory     = 256 * 1024
	maxArgonTime       = 16
	maxScramIterations = 1_000_000
	maxVerifierPart    = 128 // octets of a salt or a key
)

// maxPassword is the most octets of a password.
const maxPassword = 1024

// verifier is something that a password can be checked against. Its text begins with
// the name of its kind and carries all parameters, so that old ones stay readable
// when new ones are made differently.
type verifier interface {
	fmt.Stringer
	check(d *Directory, password []byte) bool
}

// argon2id is a verifier for passwords that arrive in clear, in PHC's string format:
//
//	$argon2id$v=19$m=19456,t=2,p=1$salt$hash
type argon2id struct {
	memory, time uint32
	lanes        uint8
	salt, hash   []byte
}

func newArgon2id(random io.Reader) (argon2id, error) {
	salt := make([]byte, saltSize)
	_, err := io.ReadFull(random, salt)
	return argon2id{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: salt}, err
}

func hashArgon2id(password []byte, a argon2id) []byte {
	return argon2.IDKey(password, a.salt, a.time, a.memory, a.lanes, argonKeySize)
}

func (a argon2id) check(d *Directory, password []byte) bool {
	return subtle.ConstantTimeCompare(d.argon(password, a), a.hash) == 1
}

// b64 is base64 without padding, as PHC writes it.
var b64 = base64.RawStdEncoding

func (a argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		a.memory, a.time, a.lanes, b64.EncodeToString(a.salt), b64.EncodeToString(a.hash))
}

// scram is what SCRAM-SHA-256 needs, in the format of RFC 5803:
//
//	SCRAM-SHA-256$20000:salt$storedkey:serverkey
//
// Spec: RFC 5802, section 3; RFC 7677.
type scram struct {
	iterations           int
	salt                 []byte
	storedKey, serverKey []byte
}

func newSCRAM(random io.Reader, password []byte) (scram, error) {
	s := scram{iterations: scramIterations, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(random, s.salt); err != nil {
		return s, err
	}
	var err error
	s.storedKey, s.serverKey, err = s.keys(password)
	return s, err
}

// keys returns StoredKey and ServerKey of password.
func (s scram) keys(password []byte) (stored, server []byte, err error) {
	salted, err := pbkdf2.Key(sha256.New, string(password), s.salt, s.iterations, sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	sum := sha256.Sum256(mac("Client Key"))
	return sum[:], mac("Server Key"), nil
}

func (s scram) check(_ *Directory, password []byte) bool {
	stored, _, err := s.keys(password)
	return err == nil && subtle.ConstantTimeCompare(stored, s.storedKey) == 1
}

func (s scram) String() string {
	enc := base64.StdEncoding
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", s.iterations, enc.EncodeToString(s.salt),
		enc.EncodeToString(s.storedKey), enc.EncodeToString(s.serverKey))
}

// parseVerifier reads the text of a verifier, which has to be as String writes it.
func parseVerifier(text string) (v verifier, err error) {
	if rest, ok := strings.CutPrefix(text, "$argon2id$"); ok {
		v, err = parseArgon2id(rest)
	} else if rest, ok := strings.CutPrefix(text, "SCRAM-SHA-256$"); ok {
		v, err = parseSCRAM(rest)
	} else {
		err = errors.New("verifier of an unknown kind")
	}
	if err == nil && v.String() != text {
		err = errors.New("damaged verifier")
	}
	return v, err
}

func parseArgon2id(rest string) (verifier, error) {
	bad := errors.New("damaged argon2id verifier")
	p := strings.Split(rest, "$")
	if len(p) != 4 || p[0] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, bad
	}
	var a argon2id
	if n, err := fmt.Sscanf(p[1], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.lanes); n != 3 || err != nil {
		return nil, bad
	}
	var err1, err2 error
	a.salt, err1 = b64.DecodeString(p[2])
	a.hash, err2 = b64.DecodeString(p[3])
	if err1 != nil || err2 != nil || len(a.salt) > maxVerifierPart || len(a.hash) != argonKeySize ||
		a.memory > maxArgonMemory || a.time == 0 || a.time > maxArgonTime || a.lanes == 0 {
		return nil, bad
	}
	return a, nil
}

func parseSCRAM(rest string) (verifier, error) {
	bad := errors.New("damaged SCRAM-SHA-256 verifier")
	var s scram
	head, keys, _ := strings.Cut(rest, "$")
	count, salt, _ := strings.Cut(head, ":")
	stored, server, _ := strings.Cut(keys, ":")
	if n, err := fmt.Sscanf(count, "%d", &s.iterations); n != 1 || err != nil {
		return nil, bad
	}
	enc := base64.StdEncoding
	var err1, err2, err3 error
	s.salt, err1 = enc.DecodeString(salt)
	s.storedKey, err2 = enc.DecodeString(stored)
	s.serverKey, err3 = enc.DecodeString(server)
	if errors.Join(err1, err2, err3) != nil || s.iterations < 1 || s.iterations > maxScramIterations ||
		len(s.salt) > maxVerifierPart || len(s.storedKey) != sha256.Size || len(s.serverKey) != sha256.Size {
		return nil, bad
	}
	return s, nil
}

// prepare returns the octets of a password that are hashed, so that one password is
// the same however a keyboard composes its letters.
//
// Spec: RFC 8265, section 4.2.
func prepare(password string) ([]byte, error) {
	if len(password) > maxPassword {
		return nil, fmt.Errorf("%w: longer than %d octets", ErrPassword, maxPassword)
	}
	if password == "" {
		return nil, fmt.Errorf("%w: empty", ErrPassword)
	}
	if !utf8.ValidString(password) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrPassword)
	}
	p, err := precis.OpaqueString.Bytes([]byte(password))
	if err != nil {
		return nil, fmt.Errorf("%w: it has control characters", ErrPassword) // precis's error quotes it
	}
	return p, nil
}

// makeVerifiers returns the texts of the verifiers of a new password.
func (d *Directory) makeVerifiers(ctx context.Context, password string) ([]string, error) {
	p, err := prepare(password)
	if err != nil {
		return nil, err
	}
	a, err := newArgon2id(d.o.Rand)
	if err != nil {
		return nil, err
	}
	var s scram
	err = d.hash(ctx, func() error {
		d.hashes.Add(1)
		a.hash = d.argon(p, a)
		s, err = newSCRAM(d.o.Rand, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []string{a.String(), s.String()}, nil
}

// restAfter is how long nobody has hashed when the memory of hashes goes back to the
// system: 19 MiB each, which the collector alone would keep for minutes.
const restAfter = time.Second

// newRest returns a stopped timer that gives free memory back when it fires.
func newRest() *time.Timer {
	t := time.AfterFunc(time.Hour, debug.FreeOSMemory)
	t.Stop()
	return t
}

// hash runs fn, which hashes a password, when fewer than Options.Hashes others run.
func (d *Directory) hash(ctx context.Context, fn func() error) error {
	select {
	case d.sem <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-d.sem; d.rest.Reset(restAfter) }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fn()
}
