package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/go-jose/go-jose/v4"
)

const (
	// KeyFile is the name of the key's file in a data directory.
	KeyFile = "auth-key.pem"

	// Name is the issuer ("iss") of the tokens.
	Name = "daytwo"

	// Audience is whom the tokens are for ("aud").
	Audience = "daytwo"
)

// Issuer signs tokens. It is safe for concurrent use.
type Issuer struct {
	signer jose.Signer
	public jose.JSONWebKey
	set    *jwks.Set
	secret []byte // for Seal
	now    func() time.Time
}

// Open returns an issuer with the key in a file, which is made if it is missing. A file
// that others than its owner can read is an error. log may be nil: then slog.Default() is
// used.
func Open(path string, log *slog.Logger) (*Issuer, error) {
	if log == nil {
		log = slog.Default()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of the key that signs tokens: %w", err)
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others than its owner can read %s, the key that signs tokens: "+
			"chmod 600 it if nobody has read it, else remove it to get a new one", path)
	}
	text, created, err := atomicfile.Ensure(path, 0o600, newKey)
	if err != nil {
		return nil, fmt.Errorf("key that signs tokens: %w", err)
	}
	key, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove the file to get a new key, which ends all tokens", path, err)
	}
	if created {
		log.Info("created the key that signs tokens", "path", path)
	}
	return New(key)
}

// newKey returns a new key in PEM.
func newKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the kernel's random numbers never fail
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // a P-256 key can always be encoded
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func parse(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("not a private key in PEM (PKCS #8)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("the key is not of P-256")
	}
	return ec, nil
}

// New returns an issuer with a key of P-256.
func New(key *ecdsa.PrivateKey) (*Issuer, error) {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	// RFC 7638: the id depends on the key alone, so that relays agree on it.
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	o := new(jose.SignerOptions).WithType("JWT").WithHeader("kid", public.KeyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, o)
	if err != nil {
		return nil, err
	}
	k, err := jwks.NewKey(public.KeyID, public.Algorithm, public.Key, false)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	return &Issuer{signer: signer, public: public, set: jwks.NewSet(k), secret: secret, now: time.Now}, nil
}

// Keys returns the set that verifies the tokens.
func (i *Issuer) Keys() *jwks.Set { return i.set }

// JWKS returns the document of the set: GET /acs/api/v1/auth/jwks.
func (i *Issuer) JWKS() ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.public}})
}

// claims of a token. DC/OS reads "uid" and "exp".
type claims struct {
	UserID   string   `json:"uid"`
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	ID       string   `json:"jti"`
	Issued   int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	Groups   []string `json:"groups,omitempty"`
	Local    bool     `json:"local,omitempty"` // of a local user, who may have been removed since
	Session  string   `json:"daytwo_session,omitempty"`
}

// Sign returns a token for a bearer. local says that it is for a local user: such a token
// ends when the user is removed.
func (i *Issuer) Sign(name string, groups []string, valid time.Duration, local bool) (string, error) {
	return i.sign(claims{UserID: name, Groups: groups, Local: local}, valid)
}

// SignSession returns a token for a browser in which the local admin signed in, with the name
// that the guard gives its sessions.
func (i *Issuer) SignSession(name, session string, valid time.Duration) (string, error) {
	if session == "" {
		return "", errors.New("a session requires a name")
	}
	return i.sign(claims{UserID: name, Session: session}, valid)
}

func (i *Issuer) sign(c claims, valid time.Duration) (string, error) {
	if c.UserID == "" {
		return "", errors.New("a token requires the name of its bearer")
	}
	if valid <= 0 {
		return "", fmt.Errorf("a token cannot be valid for %v", valid)
	}
	now := i.now()
	c.Issuer, c.Audience, c.ID = Name, Audience, rand.Text()
	c.Issued, c.Expires = now.Unix(), now.Add(valid).Unix()
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
