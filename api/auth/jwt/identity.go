package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a token says.
const (
	maxName   = 256  // bytes, also of a group
	maxGroups = 1000 // identity providers cut lists of groups at some hundreds
)

// Identity is what a valid token says of its bearer.
type Identity struct {
	Name   string
	Groups []string
	Issuer string    // "iss"
	ID     string    // "jti"
	Expiry time.Time // "exp", zero if the token never expires
	Local  bool      // "local": if the relay itself issued the token, its bearer is a local user
	// Session is "daytwo_session": the relay's own issuer says so of the sessions of the local admin.
	Session string

	notBefore, issued time.Time
}

// Claims are what a token whose signature is right says.
type Claims map[string]json.RawMessage

// identity reads the claims of a payload whose signature is right.
func (v *Verifier) identity(payload []byte) (*Identity, error) {
	c, id, err := v.claims(payload)
	if err != nil {
		return nil, err
	}
	return id, v.bearer(c, id)
}

// claims reads what a payload says of the token itself, and checks for whom and by whom it is.
func (v *Verifier) claims(payload []byte) (Claims, *Identity, error) {
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil || c == nil {
		return nil, nil, errors.New("its payload is not a JSON object")
	}
	id := new(Identity)
	err := errors.Join(
		claim(c, "iss", &id.Issuer), claim(c, "jti", &id.ID),
		timeClaim(c, "exp", &id.Expiry), timeClaim(c, "nbf", &id.notBefore), timeClaim(c, "iat", &id.issued),
	)
	if err != nil {
		return nil, nil, err
	}
	if text, ok := c["local"]; ok && json.Unmarshal(text, &id.Local) != nil {
		return nil, nil, errors.New("its claim local is not true or false")
	}
	if err := claim(c, "daytwo_session", &id.Session); err != nil {
		return nil, nil, err
	}
	if v.o.Issuer != "" && id.Issuer != v.o.Issuer {
		return nil, nil, fmt.Errorf("its issuer is %.64q, not %q", id.Issuer, v.o.Issuer)
	}
	return c, id, v.audience(c["aud"])
}

// bearer reads whose a token is.
func (v *Verifier) bearer(c Claims, id *Identity) error {
	for _, name := range v.o.NameClaims {
		if err := claim(c, name, &id.Name); err != nil {
			return err
		}
		if id.Name != "" {
			break
		}
	}
	if err := checkName(id.Name); err != nil {
		return fmt.Errorf("the name of its bearer (%v) %w", v.o.NameClaims, err)
	}
	var err error
	if id.Groups, err = stringList(c[v.o.GroupsClaim]); err != nil {
		return fmt.Errorf("its claim %s is not a list of strings", v.o.GroupsClaim)
	}
	if len(id.Groups) > maxGroups {
		return fmt.Errorf("it has more than %d groups", maxGroups)
	}
	for _, g := range id.Groups {
		if err := checkName(g); err != nil {
			return fmt.Errorf("one of its groups %w", err)
		}
	}
	return nil
}

// Claims verifies a token as Verify does, and returns its claims, for Bearer. Every error
// is ErrRefused.
func (v *Verifier) Claims(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return nil, refusal{fmt.Errorf("it is longer than %d bytes", maxToken)}
	}
	payload, _, err := v.payload(ctx, token, v.o.Keys.Keys())
	if err != nil {
		return nil, refusal{err}
	}
	c, id, err := v.claims(payload)
	if err == nil {
		err = v.valid(id, v.now())
	}
	if err != nil {
		return nil, refusal{err}
	}
	return c, nil
}

// Bearer returns whose a token with some claims is. The caller has got them from Claims,
// and may have added others from a source that it trusts as much.
func (v *Verifier) Bearer(c Claims) (*Identity, error) {
	id := new(Identity)
	if err := v.bearer(c, id); err != nil {
		return nil, err
	}
	return id, nil
}

// audience checks the audience: a string, or a list of strings (RFC 7519 §4.1.3).
func (v *Verifier) audience(text json.RawMessage) error {
	if v.o.Audience == "" {
		return nil
	}
	list, err := stringList(text)
	if err != nil {
		return errors.New("its audience is neither a string nor a list of strings")
	}
	for _, a := range list {
		if a == v.o.Audience {
			return nil
		}
	}
	return fmt.Errorf("it is not for the audience %q", v.o.Audience)
}

// valid checks the times of a token.
func (v *Verifier) valid(id *Identity, now time.Time) error {
	switch {
	case !id.Expiry.IsZero() && !now.Add(-v.o.Leeway).Before(id.Expiry):
		return fmt.Errorf("it expired at %s", id.Expiry.UTC().Format(time.RFC3339))
	case now.Add(v.o.Leeway).Before(id.notBefore):
		return fmt.Errorf("it is valid only from %s", id.notBefore.UTC().Format(time.RFC3339))
	case now.Add(v.o.Leeway).Before(id.issued):
		return errors.New("it was issued in the future")
	case id.Expiry.IsZero() && v.o.MaxAge > 0 && now.Sub(id.issued) > v.o.MaxAge:
		return fmt.Errorf("it has no expiry, and was issued more than %v ago", v.o.MaxAge)
	}
	return nil
}

// claim reads a claim that is a string, if it is there.
func claim(c map[string]json.RawMessage, name string, to *string) error {
	text, ok := c[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("its claim %s is not a string", name)
	}
	return nil
}

// timeClaim reads a claim that is a number of seconds since 1970 (RFC 7519 §2, NumericDate).
func timeClaim(c map[string]json.RawMessage, name string, to *time.Time) error {
	text, ok := c[name]
	if !ok {
		return nil
	}
	var seconds *float64
	// Beyond 2^40 seconds the arithmetic of times would overflow.
	if err := json.Unmarshal(text, &seconds); err != nil || seconds == nil || math.Abs(*seconds) > 1<<40 {
		return fmt.Errorf("its claim %s is not a time", name)
	}
	whole, part := math.Modf(*seconds)
	*to = time.Unix(int64(whole), int64(part*1e9))
	return nil
}

// stringList reads a string or a list of strings; nil if there is none.
func stringList(text json.RawMessage) ([]string, error) {
	if text == nil {
		return nil, nil
	}
	var one *string
	if json.Unmarshal(text, &one) == nil && one != nil {
		return []string{*one}, nil
	}
	var list []*string
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return nil, errors.New("neither a string nor a list of strings")
	}
	out := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, errors.New("null in a list of strings")
		}
		out[i] = *s
	}
	return out, nil
}

// checkName refuses names that could be mistaken for others where they are shown.
func checkName(s string) error {
	if s == "" {
		return errors.New("is missing")
	}
	if len(s) > maxName {
		return fmt.Errorf("is longer than %d bytes", maxName)
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return errors.New("has a character that cannot be shown")
		}
	}
	return nil
}
