package jwks_test

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwks"
)

// issuer serves an answer that tests change.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64
	answer  atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T, text []byte) *issuer {
	i := new(issuer)
	i.serve(text)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(text []byte) {
	i.do(func(w http.ResponseWriter, _ *http.Request) { w.Write(text) })
}

func (i *issuer) do(h http.HandlerFunc) { i.answer.Store(&h) }

// remote starts a set of the issuer's keys.
func remote(t *testing.T, o jwks.RemoteOptions) *jwks.Remote {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r, err := jwks.NewRemote(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// CASES X-A1.
func TestUnknownKeyIDsCauseOneFetchACoolDown(t *testing.T) {
	key := func(id string) string { return jwk(t, id, ecKey(t, elliptic.P256()).Public()) }
	i := newIssuer(t, set(key("old")))
	const coolDown = 500 * time.Millisecond
	r := remote(t, jwks.RemoteOptions{URL: i.URL, CoolDown: coolDown})
	eventually(t, "the first fetch", func() bool { return r.Keys().Has("old") })

	start := time.Now()
	ctx := context.Background()
	var rotated atomic.Bool
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 250 {
				if w == 0 && n == 100 {
					i.serve(set(key("old"), key("new")))
					rotated.Store(true)
				}
				r.Missing(ctx)
				if !r.Keys().Has("old") {
					t.Error("a valid key is gone")
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	eventually(t, "the rotation", rotated.Load)
	eventually(t, "the new key", func() bool { return r.Missing(ctx).Has("new") })
	wg.Wait()
	if n, most := i.fetches.Load(), int64(time.Since(start)/coolDown)+2; n > most {
		t.Errorf("%d fetches, more than %d", n, most)
	}
}

// A token with a key that has just been made is valid at once, if the cool-down is over.
func TestMissingWaitsForTheFetch(t *testing.T) {
	i := newIssuer(t, set(jwk(t, "old", ecKey(t, elliptic.P256()).Public())))
	r := remote(t, jwks.RemoteOptions{URL: i.URL, CoolDown: time.Millisecond})
	eventually(t, "the first fetch", func() bool { return r.Keys().Has("old") })
	i.serve(set(jwk(t, "new", ecKey(t, elliptic.P256()).Public())))
	time.Sleep(5 * time.Millisecond)
	if s := r.Missing(context.Background()); !s.Has("new") || s.Has("old") {
		t.Error("the new key is not there, or the old one is")
	}
}

// CASES X-A3.
func TestIssuerAway(t *testing.T) {
	good := set(jwk(t, "good", ecKey(t, elliptic.P256()).Public()))
	elsewhere := newIssuer(t, good) // keys of anybody to whom the issuer redirects
	slow := make(chan struct{})
	t.Cleanup(func() { close(slow) })
	for name, answer := range map[string]http.HandlerFunc{
		"status 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"HTML":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>We are back soon")) },
		"empty set":  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) },
		"nothing":    func(http.ResponseWriter, *http.Request) {},
		"never": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-slow:
			case <-r.Context().Done():
			}
		},
		"100 MB": func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, good)
			i.do(answer)
			o := jwks.RemoteOptions{URL: i.URL, CoolDown: 5 * time.Millisecond, Timeout: 200 * time.Millisecond,
				Refresh: 10 * time.Millisecond}
			r := remote(t, o)
			if r.Err() == nil {
				t.Error("no error without keys")
			}
			eventually(t, "two failed fetches", func() bool { return i.fetches.Load() > 2 })
			if r.Keys() != nil || r.Err() == nil {
				t.Fatal("keys out of nothing")
			}
			i.serve(good)
			eventually(t, "keys", func() bool { return r.Keys().Has("good") })
			i.do(answer)
			from := i.fetches.Load()
			eventually(t, "two failed fetches", func() bool { return i.fetches.Load() > from+2 })
			if !r.Keys().Has("good") || r.Err() != nil {
				t.Errorf("the last good keys are gone: %v", r.Err())
			}
			var b strings.Builder
			jwks.WriteMetrics(&b, r, r)
			if strings.Count(b.String(), `daytwo_auth_keys{url="`+i.URL+`"} 1`) != 2 ||
				strings.Count(b.String(), "# TYPE daytwo_auth_keys gauge") != 1 ||
				strings.Contains(b.String(), `result="error"} 0`) {
				t.Error(b.String())
			}
		})
	}
}

func TestKeysAreKeptForALimitedTime(t *testing.T) {
	i := newIssuer(t, set(jwk(t, "good", ecKey(t, elliptic.P256()).Public())))
	r := remote(t, jwks.RemoteOptions{URL: i.URL, CoolDown: time.Millisecond, Refresh: time.Millisecond,
		Keep: 100 * time.Millisecond})
	eventually(t, "keys", func() bool { return r.Keys().Has("good") })
	i.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	eventually(t, "no keys", func() bool { return r.Keys() == nil })
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "503") {
		t.Error(err)
	}
}

func TestStrangeKeysAreNamedOnce(t *testing.T) {
	i := newIssuer(t, set(jwk(t, "good", ecKey(t, elliptic.P256()).Public()), `{"kty":"AKP","kid":"strange"}`))
	var mu sync.Mutex
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Write(p)
	}), nil))
	remote(t, jwks.RemoteOptions{URL: i.URL + "/?password=hunter2", CoolDown: time.Millisecond, Refresh: time.Millisecond,
		Log: log})
	eventually(t, "five fetches", func() bool { return i.fetches.Load() > 5 })
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(b.String(), "key=strange"); n != 1 {
		t.Errorf("named %d times:\n%s", n, b.String())
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Error("the log shows a secret")
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestNewRemoteRefuses(t *testing.T) {
	for _, u := range []string{"http://issuer.example/keys", "ftp://127.0.0.1/", "/keys", "", "http://localhost.example/",
		"%"} {
		if _, err := jwks.NewRemote(jwks.RemoteOptions{URL: u}); err == nil {
			t.Errorf("%q is accepted", u)
		}
	}
	for _, u := range []string{"https://issuer.example/keys", "http://localhost:1/", "http://[::1]:1/"} {
		if _, err := jwks.NewRemote(jwks.RemoteOptions{URL: u}); err != nil {
			t.Error(err)
		}
	}
	_, err := jwks.NewRemote(jwks.RemoteOptions{URL: "http://u:hunter2@issuer.example/"})
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Error("the error shows a secret")
	}
}
