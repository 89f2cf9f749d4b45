package jwt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/go-jose/go-jose/v4"
)

// Bounds of tokens.
const (
	maxToken = 16 << 10 // bytes; identity providers with many groups send some kilobytes
	maxKeyID = 256
)

// DefaultLeeway is by how much the clocks of issuer and relay may differ.
const DefaultLeeway = 10 * time.Second

// ErrRefused is the error for every token that is not valid. Its text says nothing of the
// reason, which errors.Unwrap gives.
var ErrRefused = errors.New("the token is not valid")

// refusal is ErrRefused with its reason.
type refusal struct{ reason error }

func (refusal) Error() string        { return ErrRefused.Error() }
func (refusal) Is(target error) bool { return target == ErrRefused }
func (r refusal) Unwrap() error      { return r.reason }

// Keys are the keys that verify tokens: a fixed set, or a *jwks.Remote.
type Keys interface {
	// Keys returns the present set, nil if there is none.
	Keys() *jwks.Set
	// Missing is called if the set has no key with the id that a token names. It returns the
	// set to look into once more.
	Missing(context.Context) *jwks.Set
}

// Options of New. Keys is required.
type Options struct {
	Keys     Keys
	Issuer   string        // which "iss" must have, "" for any
	Audience string        // which "aud" must have among its values, "" for any
	Leeway   time.Duration // default DefaultLeeway
	// NameClaims are the claims that may have the name of the bearer: the first that is
	// there counts. Default: "uid", as DC/OS has it, then "sub".
	NameClaims []string
	// GroupsClaim is a list of strings, or a string. Default "groups".
	GroupsClaim string
	// MaxAge bounds the time between "iat" and now, for tokens without "exp"; 0 for no bound.
	MaxAge time.Duration
	Log    *slog.Logger // default slog.Default()
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	o   Options
	now func() time.Time
	// seen keeps the tokens that were valid.
	seen cache
}

// New returns a verifier of tokens.
func New(o Options) (*Verifier, error) {
	if o.Keys == nil {
		return nil, errors.New("jwt: keys are required")
	}
	if o.Leeway == 0 {
		o.Leeway = DefaultLeeway
	}
	if o.NameClaims == nil {
		o.NameClaims = []string{"uid", "sub"}
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Verifier{o: o, now: time.Now}, nil
}

// algorithms are those that a key can have.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.HS256}

// Looks reports whether a credential looks like a signed token: three parts with dots
// between them.
func Looks(credential string) bool {
	dots := 0
	for i := range len(credential) {
		if credential[i] == '.' {
			dots++
		}
	}
	return dots == 2
}

// Verify returns who the bearer of a token is. Every error is ErrRefused.
func (v *Verifier) Verify(ctx context.Context, token string) (*Identity, error) {
	if len(token) > maxToken {
		return nil, refusal{fmt.Errorf("it is longer than %d bytes", maxToken)}
	}
	now := v.now()
	keys := v.o.Keys.Keys()
	if id := v.seen.get(token, keys); id != nil {
		if err := v.valid(id, now); err != nil {
			return nil, refusal{err}
		}
		return id, nil
	}
	payload, keys, err := v.payload(ctx, token, keys)
	if err != nil {
		return nil, refusal{err}
	}
	id, err := v.identity(payload)
	if err == nil {
		err = v.valid(id, now)
	}
	if err != nil {
		return nil, refusal{err}
	}
	v.seen.put(token, keys, id)
	return id, nil
}

// payload returns the payload of a token whose signature is right, and the set that has the
// key.
func (v *Verifier) payload(ctx context.Context, token string, keys *jwks.Set) ([]byte, *jwks.Set, error) {
	// RFC 7515 §7.1: the compact form only, with one signature.
	t, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, nil, fmt.Errorf("malformed: %w", err)
	}
	h := t.Signatures[0].Protected
	if len(h.KeyID) > maxKeyID {
		return nil, nil, errors.New("its key id is too long")
	}
	if h.JSONWebKey != nil {
		return nil, nil, errors.New("it brings its own key")
	}
	if h.KeyID != "" && !keys.Has(h.KeyID) {
		keys = v.o.Keys.Missing(ctx)
	}
	if keys == nil {
		return nil, nil, errors.New("there are no keys to verify it with")
	}
	candidates := keys.Find(h.KeyID, jose.SignatureAlgorithm(h.Algorithm))
	if len(candidates) == 0 {
		return nil, nil, fmt.Errorf("no key has the id %.64q and the algorithm %s", h.KeyID, h.Algorithm)
	}
	for _, k := range candidates {
		if payload, err := t.Verify(k.Material); err == nil {
			return payload, keys, nil
		}
	}
	return nil, nil, errors.New("its signature is wrong")
}
