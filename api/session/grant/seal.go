package grant

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// A token is "KEY.DOCUMENT.SIGNATURE": the id of the key, then both others in base64url. What is
// signed is a context, KEY, "." and DOCUMENT, so that the signature of one thing is never one of
// another thing.
const (
	grantContext    = "daytwo session grant 1\n"
	approvalContext = "daytwo session approval 1\n"
)

var encoding = base64.RawURLEncoding.Strict()

// seal signs a document.
func (s *Signer) seal(context string, document any) (string, error) {
	b, err := json.Marshal(document)
	if err != nil {
		return "", fmt.Errorf("grant: %w", err)
	}
	signed := s.id + "." + encoding.EncodeToString(b)
	token := signed + "." + encoding.EncodeToString(ed25519.Sign(s.key, []byte(context+signed)))
	if len(token) > MaxToken {
		return "", fmt.Errorf("grant: it has more than %d bytes", MaxToken)
	}
	return token, nil
}

// unseal reads the document of a token whose signature is one of keys.
func unseal(context, token string, keys map[string]ed25519.PublicKey, into any) error {
	if len(token) > MaxToken {
		return fmt.Errorf("it has more than %d bytes", MaxToken)
	}
	id, _, signature, err := parts(token)
	if err != nil {
		return err
	}
	key := keys[id]
	if key == nil {
		return fmt.Errorf("it is signed with the key %.20q, which this node does not know: if the relay is a new one, "+
			"add its public key to the file of --session-keys", id)
	}
	signed := token[:len(token)-len(signature)-1]
	b, err := encoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(key, []byte(context+signed), b) {
		return fmt.Errorf("its signature is wrong: it was altered on the way")
	}
	return decode(token, into)
}

// decode reads the document of a token, whoever has signed it.
func decode(token string, into any) error {
	if len(token) > MaxToken {
		return fmt.Errorf("it has more than %d bytes", MaxToken)
	}
	_, document, _, err := parts(token)
	if err != nil {
		return err
	}
	b, err := encoding.DecodeString(document)
	if err != nil {
		return fmt.Errorf("it is no grant: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("this node cannot read it, and may be older than the relay: %w", err)
	}
	return nil
}

// parts returns the parts of a token.
func parts(token string) (id, document, signature string, err error) {
	end := strings.LastIndexByte(token, '.')
	id, document, ok := strings.Cut(token[:max(end, 0)], ".")
	if !ok {
		return "", "", "", fmt.Errorf("it is no grant")
	}
	return id, document, token[end+1:], nil
}
