package jwt

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/go-jose/go-jose/v4"
)

type fixedKeys struct{ *jwks.Set }

func (f fixedKeys) Keys() *jwks.Set                   { return f.Set }
func (f fixedKeys) Missing(context.Context) *jwks.Set { return f.Set }

// A clock that is set forward or back counts at once, also for tokens that were valid before: what
// the clock says decides, and never what it said.
func TestClockSteps(t *testing.T) {
	secret := []byte(strings.Repeat("secret", 6))
	key, err := jwks.NewKey("k", "", secret, true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(Options{Keys: fixedKeys{jwks.NewSet(key)}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret},
		new(jose.SignerOptions).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	// Valid from 1000 to 2000.
	signed, err := signer.Sign([]byte(`{"uid":"anna","iat":1000,"nbf":1000,"exp":2000}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		at    int64
		valid bool
	}{
		{1500, true}, {3000, false}, {1500, true}, {0, false}, {985, false}, {995, true}, {1000, true}, {1999, true},
		{2005, true}, {2015, false}, {1 << 40, false}, {-1 << 40, false}, {1500, true},
	} {
		v.now = func() time.Time { return time.Unix(c.at, 0) }
		if _, err := v.Verify(t.Context(), token); (err == nil) != c.valid {
			t.Errorf("step %d, at %d: %v", i, c.at, err)
		}
	}
}
