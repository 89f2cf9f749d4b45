package oidc

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/daytwo/daytwo/api/auth/jwt"
)

// codeTime is how long a program may take to redeem its code.
const codeTime = time.Minute

const codePurpose = "oidc code"

// Program is one that waits for a code on a port of the browser's machine (RFC 8252 §7.3).
type Program struct {
	Port      int    `json:"p"`
	State     string `json:"s"` // which it wants back
	Challenge string `json:"c"` // of its verifier, by S256 (RFC 7636)
}

// Bounds of what a program says.
const (
	maxState        = 128
	challengeLength = 43 // of a SHA-256 in base64url
)

// ParseProgram returns the program that the parameters of an address name, nil if they name
// none.
func ParseProgram(parameters url.Values) (*Program, error) {
	if !parameters.Has("port") {
		return nil, nil
	}
	port, err := strconv.ParseUint(parameters.Get("port"), 10, 16)
	p := &Program{int(port), parameters.Get("state"), parameters.Get("code_challenge")}
	if err != nil || port == 0 || p.State == "" || len(p.State) > maxState || len(p.Challenge) != challengeLength {
		return nil, errors.New("a program gives port, state and code_challenge (S256)")
	}
	return p, nil
}

// code is what a program redeems.
type code struct {
	Name      string   `json:"n"`
	Groups    []string `json:"g"`
	Challenge string   `json:"c"`
}

// location returns where a program waits for its code.
func (p *Provider) location(w *Program, id *jwt.Identity) (string, error) {
	sealed, err := p.o.Own.Seal(codePurpose, code{id.Name, id.Groups, w.Challenge}, codeTime)
	if err != nil {
		return "", err
	}
	return w.location(url.Values{"code": {sealed}}), nil
}

// location returns the address at which the program waits.
func (w *Program) location(v url.Values) string {
	v.Set("state", w.State)
	return fmt.Sprintf("http://127.0.0.1:%d/?%s", w.Port, v.Encode())
}

// Redeem returns the token for a program's code, which only the program that knows the
// verifier can redeem.
func (p *Provider) Redeem(sealed, verifier string) (name, token string, err error) {
	var c code
	if err := p.o.Own.Open(codePurpose, sealed, &c); err != nil {
		return "", "", &Failure{Expired, err}
	}
	if subtle.ConstantTimeCompare([]byte(oauth2.S256ChallengeFromVerifier(verifier)), []byte(c.Challenge)) != 1 {
		return c.Name, "", &Failure{Refused, errors.New("another program has begun this")}
	}
	token, err = p.sign(&jwt.Identity{Name: c.Name, Groups: c.Groups})
	return c.Name, token, err
}
