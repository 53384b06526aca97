package account

import (
	"crypto/hmac"
	"crypto/sha256"
)

// sign returns HMAC(key, message), as both sides of SCRAM do.
func sign(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// clientProofKey returns the stored key that a client's proof proves.
func clientProofKey(stored []byte, auth string, proof []byte) []byte {
	key := sign(stored, auth)
	for i := range key {
		key[i] ^= proof[i]
	}
	sum := sha256.Sum256(key)
	return sum[:]
}
