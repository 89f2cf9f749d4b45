package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/setting"
)

// RemoteOptions are the options of NewRemote. URL is required.
type RemoteOptions struct {
	URL    string       // https, or http to a loopback address
	Client *http.Client // default: one of its own, which follows no redirect

	Refresh  time.Duration // how often the set is fetched; default 10 minutes
	CoolDown time.Duration // shortest time between two fetches that tokens cause; default 30 s
	Keep     time.Duration // how long the last good set is used while the issuer is away; default 24 hours
	Timeout  time.Duration // of one fetch; default 10 s
	Log      *slog.Logger  // default slog.Default()
}

// Remote is the set of keys of an issuer, which Run keeps up to date. It is safe for
// concurrent use.
type Remote struct {
	o    RemoteOptions
	wake chan struct{} // a token names a key that the set lacks
	now  func() time.Time

	mu      sync.Mutex
	set     *Set      // nil before the first good fetch
	good    time.Time // of the fetch that gave set
	tried   time.Time // of the last fetch
	err     error     // of the last fetch
	said    string    // what was logged of skipped keys
	done    chan struct{}
	fetches uint64
	fails   uint64
}

// NewRemote returns a set without keys. It returns an error if the URL cannot be used.
func NewRemote(o RemoteOptions) (*Remote, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("URL of the keys: it is none") // the error has the password of one
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !setting.IsLoopback(u.Hostname())) {
		return nil, fmt.Errorf("URL of the keys %s: give one with https: "+
			"whoever can change the keys on their way can sign in as anybody", u.Redacted())
	}
	setDefault(&o.Refresh, 10*time.Minute)
	setDefault(&o.CoolDown, 30*time.Second)
	setDefault(&o.Keep, 24*time.Hour)
	setDefault(&o.Timeout, 10*time.Second)
	if o.Client == nil {
		o.Client = new(http.Client)
	}
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Remote{o: o, wake: make(chan struct{}, 1), done: make(chan struct{}), now: time.Now}, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Run fetches the set until ctx ends: at once, then at each Refresh, after failures with
// back-off, and when a token names an unknown key, but not within CoolDown of the fetch
// before.
func (r *Remote) Run(ctx context.Context) {
	var failed int
	for {
		if r.fetch(ctx) {
			failed = 0
		} else {
			failed++
		}
		pause := r.o.Refresh
		if failed > 0 {
			pause = min(time.Second<<min(failed-1, 20), r.o.CoolDown)
		}
		// Many relays must not ask at the same moment.
		pause -= time.Duration(rand.Int64N(int64(pause)/10 + 1))
		if !r.wait(ctx, pause) {
			return
		}
	}
}

// wait waits for the next fetch: for pause, or until a token names an unknown key, but at
// least for the cool-down. It returns false when ctx ends.
func (r *Remote) wait(ctx context.Context, pause time.Duration) bool {
	next := time.NewTimer(pause)
	defer next.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-next.C:
		return true
	case <-r.wake:
	}
	r.mu.Lock()
	cool := r.o.CoolDown - r.now().Sub(r.tried)
	r.mu.Unlock()
	select {
	case <-ctx.Done():
		return false
	case <-next.C:
	case <-time.After(cool):
	}
	return true
}

// Keys returns the newest good set; nil if there is none, or it is older than Keep.
func (r *Remote) Keys() *Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Sub(r.good) > r.o.Keep {
		return nil
	}
	return r.set
}

// maxMissWait is how long Missing waits for a fetch.
const maxMissWait = time.Second

// Missing asks for a fetch, since a token names a key that the set lacks, and returns the
// set after it. If a fetch is not allowed yet, it returns at once: a stream of tokens with
// made-up key ids causes one fetch a cool-down, and that one finds keys that are really new.
func (r *Remote) Missing(ctx context.Context) *Set {
	r.mu.Lock()
	done, allowed := r.done, r.now().Sub(r.tried) >= r.o.CoolDown
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // somebody asked already
	}
	if allowed {
		t := time.NewTimer(maxMissWait)
		defer t.Stop()
		select {
		case <-done:
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return r.Keys()
}

// fetch fetches the set, and reports whether it is good.
func (r *Remote) fetch(ctx context.Context) bool {
	r.mu.Lock()
	r.tried = r.now()
	r.mu.Unlock()
	select {
	case <-r.wake: // answered by this fetch
	default:
	}
	set, skipped, err := r.get(ctx)
	if ctx.Err() != nil {
		return false
	}
	r.mu.Lock()
	was := r.err
	r.err, r.fetches = err, r.fetches+1
	if err == nil {
		r.set, r.good = set, r.now()
	} else {
		r.fails++
	}
	said := fmt.Sprint(skipped)
	news := said != r.said && len(skipped) > 0
	if err == nil {
		r.said = said
	}
	close(r.done)
	r.done = make(chan struct{})
	r.mu.Unlock()

	log := r.o.Log.With("url", r.redacted())
	switch {
	case err != nil && (was == nil || was.Error() != err.Error()):
		log.Error("cannot fetch the keys that verify tokens; the last good ones stay valid for a time",
			"err", err, "valid_for", r.o.Keep)
	case err == nil && was != nil:
		log.Info("the keys that verify tokens can be fetched again", "keys", set.Len())
	}
	if err == nil && news {
		for _, s := range skipped {
			log.Warn("a key of the issuer is not used", "key", s.ID, "number", s.Number, "reason", s.Reason)
		}
	}
	return err == nil
}

func (r *Remote) get(ctx context.Context) (*Set, []Skipped, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.o.URL, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.o.Client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which may have a password
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("the answer has status %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxBytes+1))
	if err != nil {
		return nil, nil, err
	}
	return Parse(text, false)
}

// redacted returns the URL without its password and query.
func (r *Remote) redacted() string {
	u, err := url.Parse(r.o.URL)
	if err != nil {
		return ""
	}
	u.RawQuery = ""
	return u.Redacted()
}

// Err returns why there are no keys: nil if there are.
func (r *Remote) Err() error {
	if r.Keys() != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		return errors.New("the keys that verify tokens have not been fetched yet")
	}
	return fmt.Errorf("the keys that verify tokens cannot be fetched from %s: %w", r.redacted(), r.err)
}

// WriteMetrics writes the metrics of sets in the text format, one series a URL.
func WriteMetrics(w io.Writer, sets ...*Remote) {
	var keys, fetches, times strings.Builder
	for _, r := range sets {
		r.mu.Lock()
		url := r.redacted()
		fmt.Fprintf(&keys, "daytwo_auth_keys{url=%q} %d\n", url, r.set.Len())
		fmt.Fprintf(&fetches, "daytwo_auth_key_fetches_total{url=%q,result=\"ok\"} %d\n", url, r.fetches-r.fails)
		fmt.Fprintf(&fetches, "daytwo_auth_key_fetches_total{url=%q,result=\"error\"} %d\n", url, r.fails)
		if !r.good.IsZero() {
			fmt.Fprintf(&times, "daytwo_auth_keys_time_seconds{url=%q} %d\n", url, r.good.Unix())
		}
		r.mu.Unlock()
	}
	for _, f := range []struct{ name, typ, help, series string }{
		{"daytwo_auth_keys", "gauge", "Keys that verify tokens, of the issuer.", keys.String()},
		{"daytwo_auth_key_fetches_total", "counter", "Fetches of the issuer's keys.", fetches.String()},
		{"daytwo_auth_keys_time_seconds", "gauge", "When the issuer's keys were last fetched.", times.String()},
	} {
		if f.series != "" {
			// An error means that the client is gone.
			_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", f.name, f.help, f.name, f.typ, f.series)
		}
	}
}
