package credentials

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// userKey returns a key as a node makes it, and its public half.
func userKey(t testing.TB) (nkeys.KeyPair, string) {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return k, public
}

func newCodes(t testing.TB, c *Cluster, n int, agent string, valid time.Duration) (secrets []string) {
	t.Helper()
	codes, _, err := c.NewCodes(n, agent, valid)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := c.certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		secret, pin, err := ParseCode(" " + strings.ToLower(code) + "\n")
		if err != nil || pin != Pin(ca) || len(secret) < 26 { // 26 characters of 5 bits
			t.Fatalf("%q: %q %q %v", code, secret, pin, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

func TestRedeem(t *testing.T) {
	c := newCluster(t)
	secrets := newCodes(t, c, 3, "", time.Hour)
	_, key := userKey(t)
	_, other := userKey(t)
	if _, err := c.Redeem("WRONG", "a", key, time.Hour); !errors.Is(err, ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	for range 2 { // the answer to the first was lost
		if _, err := c.Redeem(secrets[0], "a", key, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Redeem(secrets[0], "b", other, time.Hour); !errors.Is(err, ErrCode) {
		t.Errorf("a code that was used: %v", err)
	}
	// Nobody becomes a node that is there already, but by a code that was made for it.
	if _, err := c.Redeem(secrets[1], "a", other, time.Hour); !errors.Is(err, ErrTaken) {
		t.Errorf("another's name: %v", err)
	}
	bound := newCodes(t, c, 1, "a", time.Hour)
	if _, err := c.Redeem(bound[0], "b", other, time.Hour); !errors.Is(err, ErrCode) {
		t.Errorf("a code for another: %v", err)
	}
	if _, err := c.Redeem(bound[0], "a", other, time.Hour); err != nil {
		t.Error(err)
	}
	if _, err := c.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Redeem(secrets[0], "a", key, time.Hour); !errors.Is(err, ErrRevoked) {
		t.Errorf("the key that was revoked, by its old code: %v", err)
	}
	_, fresh := userKey(t)
	if _, err := c.Redeem(secrets[1], "a", fresh, time.Hour); err != nil {
		t.Errorf("a revoked node that is enrolled again: %v", err)
	}
	short := newCodes(t, c, 1, "", time.Second)
	time.Sleep(1100 * time.Millisecond)
	if _, err := c.Redeem(short[0], "late", other, time.Hour); !errors.Is(err, ErrCode) {
		t.Errorf("an expired code: %v", err)
	}
	text, err := os.ReadFile(c.path(codesFile))
	if err != nil || strings.Contains(string(text), secrets[2]) {
		t.Errorf("codes are kept as they are: %v", err)
	}
	if _, _, err := c.NewCodes(maxCodes, "", time.Hour); err == nil {
		t.Error("codes without bound")
	}
}

// Of many that use one code at once, in several processes, one gets in.
func TestRedeemAtOnce(t *testing.T) {
	c := newCluster(t)
	secret := newCodes(t, c, 1, "", time.Hour)[0]
	var mu sync.Mutex
	var work sync.WaitGroup
	in := 0
	for range 8 {
		again, err := Open(c.Dir()) // as another process
		if err != nil {
			t.Fatal(err)
		}
		_, key := userKey(t)
		work.Go(func() {
			if _, err := again.Redeem(secret, "a", key, time.Hour); err == nil {
				mu.Lock()
				in++
				mu.Unlock()
			} else if !errors.Is(err, ErrCode) {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if list, err := c.Nodes(); in != 1 || len(list) != 1 || err != nil {
		t.Errorf("%d got in, %d are listed, %v", in, len(list), err)
	}
}

func TestRenew(t *testing.T) {
	c, stranger := newCluster(t), newCluster(t)
	k, key := userKey(t)
	sign := func(k nkeys.KeyPair, agent, token string) []byte {
		signature, err := k.Sign(Proof("renew", agent, token))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	token, err := c.Sign("a", key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := c.Renew("a", token, sign(k, "a", token), 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Nodes()
	if err != nil || len(list) != 1 || time.Until(*list[0].Expires) < 119*time.Minute {
		t.Errorf("%+v, %v", list, err)
	}
	refused := func(what, agent, token string, signature []byte) {
		t.Helper()
		if _, err := c.Renew(agent, token, signature, time.Hour); err == nil {
			t.Errorf("%s: renewed", what)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
	other, _ := userKey(t)
	foreign, err := stranger.Sign("a", key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	unlisted, err := signUser("node a", key, c.account, nil, time.Now().Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	refused("by another key", "a", renewed, sign(other, "a", renewed))
	refused("a signature for something else", "a", renewed, sign(k, "b", renewed))
	refused("as another agent", "b", renewed, sign(k, "b", renewed))
	refused("of another cluster", "a", foreign, sign(k, "a", foreign))
	refused("expired", "a", unlisted, sign(k, "a", unlisted))
	refused("nonsense", "a", "x.y.z", sign(k, "a", "x.y.z"))
	if _, err := c.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	refused("revoked", "a", renewed, sign(k, "a", renewed))
}

func FuzzParseCode(f *testing.F) {
	f.Add("ABCDEFGHIJKLMNOPQRSTUVWXYZ-ABCDEFGHIJKLMNOPQRSTUVWX2A")
	f.Add("-")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		secret, pin, err := ParseCode(s)
		if err != nil {
			return
		}
		if again, same, err := ParseCode(secret + "-" + pin); err != nil || again != secret || same != pin {
			t.Errorf("%q: %q %q, %v", s, secret, pin, err)
		}
	})
}
