package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// Method is how a principal proved who it is.
type Method string

const (
	// MethodToken is the admin token of the data directory.
	MethodToken Method = "token"
	// MethodSocket is the unix socket in the relay's data directory: the peer is the
	// relay's own user, or root.
	MethodSocket Method = "socket"
	// MethodJWT is a signed token.
	MethodJWT Method = "jwt"
	// MethodCertificate is a TLS client certificate.
	MethodCertificate Method = "certificate"
	// MethodAssumed is no proof: the principal of a question such as "daytwo auth can-i
	// --as USER". It must never answer for a request.
	MethodAssumed Method = "assumed"
	// MethodGrant is the signed grant of a relay, which has checked who it is: how a node knows
	// those for whom a session is opened. None of them is the admin of the relay there.
	MethodGrant Method = "grant"
)

// Limits of a Principal.
const (
	maxName   = 256  // bytes of a name
	maxGroups = 1024 // of one principal
)

// AdminName is the name of the principal of the admin token.
const AdminName = "admin"

// Principal is who sent a request: a person, a program or a node. It is immutable, and
// safe for concurrent use. Nobody is a nil *Principal, which may do nothing.
type Principal struct {
	name    string
	groups  []string
	method  Method
	expires time.Time
	key     [sha256.Size]byte
}

// NewPrincipal returns a principal. The groups may be in any order and repeat. The zero
// time means that the proof does not expire. Names that are empty, longer than 256 bytes,
// or not printable are an error, and so are more than 1024 groups.
func NewPrincipal(name string, groups []string, method Method, expires time.Time) (*Principal, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("name of a user: %w", err)
	}
	if len(groups) > maxGroups {
		return nil, fmt.Errorf("%d groups: a user may have at most %d", len(groups), maxGroups)
	}
	for _, g := range groups {
		if err := checkName(g); err != nil {
			return nil, fmt.Errorf("name of a group: %w", err)
		}
	}
	return newPrincipal(name, groups, method, expires), nil
}

func newPrincipal(name string, groups []string, method Method, expires time.Time) *Principal {
	p := &Principal{name: name, groups: slices.Clone(groups), method: method, expires: expires}
	slices.Sort(p.groups)
	p.groups = slices.Compact(p.groups)
	h := sha256.New()
	h.Write([]byte(name))
	for _, g := range p.groups {
		h.Write([]byte{0}) // no name contains it
		h.Write([]byte(g))
	}
	if p.Admin() {
		h.Write([]byte{0, 0})
	}
	h.Sum(p.key[:0])
	return p
}

func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case len(s) > maxName:
		return fmt.Errorf("it is longer than %d bytes", maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%q has characters that cannot be printed", s)
		}
	}
	return nil
}

// Name returns the name of the user or program.
func (p *Principal) Name() string {
	if p == nil {
		return ""
	}
	return p.name
}

// Groups returns a copy of the groups, sorted. Groups that a policy file adds are not
// among them.
func (p *Principal) Groups() []string {
	if p == nil {
		return nil
	}
	return slices.Clone(p.groups)
}

// InGroup reports whether the principal has a group.
func (p *Principal) InGroup(name string) bool {
	if p == nil {
		return false
	}
	_, ok := slices.BinarySearch(p.groups, name)
	return ok
}

// Method returns how the principal proved who it is.
func (p *Principal) Method() Method {
	if p == nil {
		return ""
	}
	return p.method
}

// Expires returns when the proof expires, the zero time for never.
func (p *Principal) Expires() time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.expires
}

// Expired reports whether the proof has expired at a time.
func (p *Principal) Expired(now time.Time) bool {
	return p == nil || !p.expires.IsZero() && !now.Before(p.expires)
}

// Admin reports whether the principal is the admin of the relay's machine, who may do
// everything, whatever a policy says. A user of another method who is named "admin" is
// not.
func (p *Principal) Admin() bool {
	return p != nil && (p.method == MethodToken || p.method == MethodSocket)
}

// Key identifies the name, the groups and Admin of a principal: what may be known of one
// is the same for every principal with an equal key.
func (p *Principal) Key() [sha256.Size]byte {
	if p == nil {
		return [sha256.Size]byte{}
	}
	return p.key
}

type contextKey struct{}

// With returns a context that carries a principal.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns the principal that a context carries, nil if it carries none.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(contextKey{}).(*Principal)
	return p
}
