//go:build !race

package jwt_test

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/go-jose/go-jose/v4"
)

// Every request of a client brings the same token.
func TestVerifySeenAllocatesNothing(t *testing.T) {
	v := verifier(t, jwt.Options{})
	token := sign(t, jose.ES256, ecKey, "ec", m{"uid": "anna", "exp": in(time.Hour)}, nil)
	n := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a token that was seen before", n)
	}
}

func BenchmarkVerifySeen(b *testing.B) {
	v := verifier(b, jwt.Options{})
	token := sign(b, jose.ES256, ecKey, "ec", m{"uid": "anna", "groups": []string{"shop", "ops"}, "exp": in(time.Hour)},
		nil)
	ctx := b.Context()
	for b.Loop() {
		if _, err := v.Verify(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyNew is to be compared with BenchmarkSignatureOnly, the library's own time.
func BenchmarkVerifyNew(b *testing.B) {
	k := keys(b)
	token := sign(b, jose.ES256, ecKey, "ec", m{"uid": "anna", "exp": in(time.Hour)}, nil)
	ctx := b.Context()
	for b.Loop() {
		if _, err := verifier(b, jwt.Options{Keys: k}).Verify(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignatureOnly(b *testing.B) {
	token := sign(b, jose.ES256, ecKey, "ec", m{"uid": "anna", "exp": in(time.Hour)}, nil)
	for b.Loop() {
		s, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err == nil {
			_, err = s.Verify(ecKey.Public())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
