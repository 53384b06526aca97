package runtime

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"slices"
	"strings"
)

// octetsParam takes text, which is its octets in UTF-8, or bytes.
var octetsParam = Param{Name: "data", Kind: Any, Doc: "text, or bytes"}

// hashes are the algorithms by name.
var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"sha3-256": func() hash.Hash { return sha3.New256() }, "sha3-512": func() hash.Hash { return sha3.New512() },
	"crc32": func() hash.Hash { return crc32.NewIEEE() },
}

const hashNames = "md5, sha1, sha224, sha256, sha384, sha512, sha3-256, sha3-512, crc32"

func init() {
	algorithm := Param{Name: "algorithm", Kind: String, Doc: hashNames}
	form := Param{Name: "form", Kind: String, Optional: true, Default: "hex", Doc: "`hex` (lower case), `base64`, `base64url` (without padding) or `bytes`"}
	register(Function{
		Name:   "hash",
		Family: "hash",
		Doc: "Returns the hash of data, in hex digits unless another form is asked for. An unknown algorithm is an error, where Stalwart gives `\"\"`. " +
			"md5, sha1 and crc32 keep nobody from making data with the same hash.",
		Params: []Param{octetsParam, algorithm, form},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `hash("sluice", "md5")`, Want: `"56c4228bc58d4cdf3ff01c3fc6e84189"`},
			{Code: `hash("", "sha1")`, Want: `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`},
			{Code: `hash("abc", "sha256")`, Want: `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
			{Code: `hash("abc", "sha1", "base64")`, Want: `"qZk+NkcGgWq6PiVxeFDCbJzQ2J0="`},
			{Code: `hash("abc", "sha1", "base64url")`, Want: `"qZk-NkcGgWq6PiVxeFDCbJzQ2J0"`},
			{Code: `hash("ü", "crc32")`, Want: `"63d969d5"`},
			{Code: `len(hash("", "sha512"))`, Want: `128`},
			{Code: `len(hash("", "sha3-256", "bytes"))`, Want: `32`},
			{Code: `hash("sluice", "crc")`, Error: `hash: unknown algorithm "crc"; known are ` + hashNames},
			{Code: `hash("sluice", "md5", "octal")`, Error: `hash: unknown form "octal"; known are hex, base64, base64url, bytes`},
			{Code: `hash(1, "md5")`, Error: `hash: argument 1 (data): expected string or bytes, got int`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			s, err := octets("hash", a, 0)
			if err != nil {
				return nil, err
			}
			algorithm, err := hashNamed("hash", a.String(1))
			if err != nil {
				return nil, err
			}
			return digest("hash", algorithm(), s, a.String(2))
		},
	})
	register(Function{
		Name:   "hmac",
		Family: "hash",
		Doc:    "Returns the keyed hash of data, such as a web service wants as a signature (RFC 2104).",
		Params: []Param{{Name: "key", Kind: Any, Doc: "text, or bytes"}, octetsParam, algorithm, form},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `hmac("Jefe", "what do ya want for nothing?", "md5")`, Want: `"750c783e6ab0b503eaa86e310a5db738"`},
			{Code: `hmac("Jefe", "what do ya want for nothing?", "sha256")`, Want: `"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`},
			{Code: `hmac("", "", "sha1", "base64")`, Want: `"+9sdGxiqbAgyS31ktx+3Y3BpDh0="`},
			{Code: `hmac("k", "text", "crc32")`, Error: `hmac: crc32 takes no key`},
			{Code: `hmac(null, "text", "md5")`, Error: `hmac: argument 1 (key): expected string or bytes, got null`},
			{Code: `hmac("k", "text", "none")`, Error: `hmac: unknown algorithm "none"; known are ` + hashNames},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			key, err := octets("hmac", a, 0)
			if err != nil {
				return nil, err
			}
			data, err := octets("hmac", a, 1)
			if err != nil {
				return nil, err
			}
			algorithm, err := hashNamed("hmac", a.String(2))
			if err != nil {
				return nil, err
			}
			if algorithm().Size() < md5.Size {
				return nil, fmt.Errorf("hmac: %s takes no key", a.String(2))
			}
			return digest("hmac", hmac.New(algorithm, []byte(key)), data, a.String(3))
		},
	})
}

// octets returns what argument i, text or bytes, is in octets.
func octets(name string, a Args, i int) (string, error) {
	switch v := a[i].(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	k, _ := KindOf(a[i])
	return "", fmt.Errorf("%s: argument %d (%s): expected string or bytes, got %s", name, i+1, Lookup(name).Params[i].Name, k)
}

func hashNamed(name, algorithm string) (func() hash.Hash, error) {
	if h := hashes[strings.ToLower(algorithm)]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("%s: unknown algorithm %q; known are %s", name, cut(algorithm, 40), hashNames)
}

// digest returns the hash of s in a form.
func digest(name string, h hash.Hash, s, form string) (Value, error) {
	if !slices.Contains([]string{"hex", "base64", "base64url", "bytes"}, form) {
		return nil, fmt.Errorf("%s: unknown form %q; known are hex, base64, base64url, bytes", name, cut(form, 40))
	}
	h.Write([]byte(s)) // never fails
	sum := h.Sum(nil)
	switch form {
	case "base64":
		return base64.StdEncoding.EncodeToString(sum), nil
	case "base64url":
		return base64.RawURLEncoding.EncodeToString(sum), nil
	case "bytes":
		return sum, nil
	}
	return hex.EncodeToString(sum), nil
}
