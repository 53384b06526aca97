package mailauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// DKIMResult is what one signature is worth.
type DKIMResult struct {
	// Result is pass, fail (the signature is not good, or its key or algorithm too weak), policy
	// (it covers a part of the body only), temperror (no key for now) or permerror (a fault of
	// the signature or of its key).
	Result    string
	Domain    string // that takes responsibility, d=, in lower case
	Selector  string // s=
	Identity  string // i=, or @ and the domain
	Algorithm string // a=, such as rsa-sha256
	Signature string // the first eight characters of b=, which tell signatures apart (RFC 6008)
	Partial   bool   // it has l=, which leaves the end of the body open
	Testing   bool   // the domain says that it is testing (t=y)
	Error     string // what is wrong, "" with pass
}

// Bounds of what a header may cost to verify. The library looks for every name in h= through
// the whole header.
const (
	maxKeyRecord = 4 << 10 // octets: RSA keys of up to 16384 bits
	maxPicks     = 2_000_000
	maxPickBytes = 1 << 30
)

// DKIM verifies the signatures of a message, in the order of the header; nil if there is
// none. Not more than Options.Signatures are looked at. What l= leaves open can be
// anything, so such a signature never passes.
//
// Spec: RFC 6376, section 6.1; RFC 8301; RFC 8463
func (c *Checker) DKIM(ctx context.Context, message []byte) []DKIMResult {
	fields, octets := headerFields(message)
	var found []signature
	names := 0
	for _, f := range fields {
		name, value, _ := bytes.Cut(f, []byte{':'})
		if !strings.EqualFold(string(bytes.TrimSpace(name)), "DKIM-Signature") || len(found) == c.o.Signatures {
			continue
		}
		s := parseSignature(string(value))
		names += s.names
		found = append(found, s)
	}
	if len(found) == 0 {
		return nil
	}
	out := make([]DKIMResult, len(found))
	for i, s := range found {
		out[i] = s.DKIMResult
	}
	if names*len(fields) > maxPicks || names*octets > maxPickBytes {
		return failAll(out, PermError, "the header is too large for its signatures")
	}
	ctx, cancel, q := c.begin(ctx)
	defer cancel()
	verified, err := dkim.VerifyWithOptions(io.MultiReader(bytes.NewReader(message), headerEnd(message, octets)), &dkim.VerifyOptions{
		MaxVerifications: c.o.Signatures,
		LookupTXT: func(name string) ([]string, error) {
			texts, err := q.LookupTXT(ctx, name)
			if err == nil && len(texts) == 1 && len(texts[0]) > maxKeyRecord {
				return nil, errors.New("its record is too long")
			}
			return texts, err
		},
	})
	if len(verified) != len(out) { // it stopped, or sees other fields than we do
		return failAll(out, PermError, "the header cannot be read")
	}
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return failAll(out, PermError, err.Error())
	}
	for i, v := range verified {
		out[i].judge(v, keyRecord(q.txtOf(found[i].keyName)))
	}
	return out
}

func failAll(out []DKIMResult, result, text string) []DKIMResult {
	for i := range out {
		out[i].fail(result, text)
	}
	return out
}

func (r *DKIMResult) fail(result, text string) {
	r.Result, r.Error = result, printable(strings.TrimPrefix(text, "dkim: "), maxExplanation)
}

// judge sets the result of a signature from what the library says and from its key.
func (r *DKIMResult) judge(v *dkim.Verification, key map[string]string) {
	flags := strings.FieldsFunc(key["t"], func(c rune) bool { return c == ':' || c == ' ' || c == '\t' })
	for _, f := range flags {
		r.Testing = r.Testing || f == "y"
	}
	switch err := v.Err; {
	case err == nil:
		_, domain := splitAddress(r.Identity)
		for _, f := range flags {
			if f == "s" && !strings.EqualFold(domain, r.Domain) {
				r.fail(PermError, "the key is not for subdomains") // RFC 6376, section 3.6.1
				return
			}
		}
		r.Result = Pass
	case dkim.IsTempFail(err):
		r.fail(TempError, err.Error())
	case r.Partial && strings.Contains(err.Error(), "insecure body length"):
		r.fail(Policy, "it covers a part of the body only")
	case strings.Contains(err.Error(), "key is too short"), strings.Contains(err.Error(), "algorithm too weak"):
		r.fail(Fail, err.Error())
	case dkim.IsPermFail(err):
		r.fail(PermError, err.Error())
	default:
		r.fail(Fail, err.Error())
	}
}
