package join

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// Options of Join.
type Options struct {
	Relay string         // URL of a relay with the cluster's keys
	Code  string         // enrolment code
	Roots *x509.CertPool // of the relay's certificate; default the system's; the code names another authority
	Agent string         // id of this node
	Data  string         // data directory of the node
	Log   *slog.Logger   // default slog.Default()
}

// The waits between attempts to reach a relay.
const (
	firstWait = time.Second
	maxWait   = 30 * time.Second
)

// Ensure returns the node that was enrolled before, or enrolls it: also if its credential has
// expired. It waits for a relay that cannot be reached; a relay's refusal is an error.
func Ensure(ctx context.Context, o Options) (*Node, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	n, err := Load(o.Data)
	if err == nil {
		_, end, err := Validity(n.Credentials)
		if err != nil {
			return nil, err
		}
		if end.IsZero() || end.After(time.Now()) {
			return n, nil
		}
		log.Warn("the node's credential has expired: it is enrolled again", "expired", end)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		n, err := Join(ctx, o)
		if err == nil {
			log.Info("this node was enrolled", "relay", o.Relay, "cluster", n.Cluster, "agent_id", n.AgentID)
			return n, nil
		}
		if permanent(err) || ctx.Err() != nil {
			return nil, fmt.Errorf("enrolment at %s: %w", o.Relay, err)
		}
		log.Warn("this node cannot be enrolled yet", "relay", o.Relay, "err", err, "again_in", wait)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// invalidError is an error that stays the same if it is tried again.
type invalidError struct{ error }

func permanent(err error) bool {
	var invalid invalidError
	return errors.As(err, &invalid) || client.Refused(err)
}

// Join enrolls this node with a code, in place of an earlier enrolment if there is one.
func Join(ctx context.Context, o Options) (*Node, error) {
	secret, pin, err := credentials.ParseCode(o.Code)
	if err != nil {
		return nil, invalidError{err}
	}
	u, err := url.Parse(o.Relay)
	if err != nil {
		return nil, invalidError{err}
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && setting.IsLoopback(u.Hostname())) {
		return nil, invalidError{fmt.Errorf("%s is not an https URL, and others could read the code on its way", o.Relay)}
	}
	cl, err := client.NewPinned(o.Relay, o.Roots, func(c *x509.Certificate) bool { return credentials.Pin(c) == pin })
	if err != nil {
		return nil, invalidError{err}
	}
	key, err := o.key()
	if err != nil {
		return nil, invalidError{err}
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	signature, err := key.Sign(credentials.Proof("enroll", o.Agent, secret))
	if err != nil {
		return nil, err
	}
	answer, err := cl.Enroll(ctx, v1.EnrollRequest{Code: secret, AgentID: o.Agent, Key: public, Signature: signature})
	if err != nil {
		return nil, err
	}
	seed, err := key.Seed()
	if err != nil {
		return nil, err
	}
	n, err := save(o.Data, o.Relay, answer, seed)
	if err != nil {
		return nil, invalidError{err}
	}
	return n, nil
}

// key returns the key for the next credential. It is on disk before it is used: a code whose
// answer was lost works again for the same key only.
func (o *Options) key() (nkeys.KeyPair, error) {
	dir := filepath.Join(o.Data, Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, seedFile)
	text, _, err := atomicfile.Ensure(path, 0o600, func() string {
		k, err := nkeys.CreateUser()
		if err != nil {
			return ""
		}
		seed, err := k.Seed()
		if err != nil {
			return ""
		}
		return string(seed)
	})
	if err != nil {
		return nil, err
	}
	k, err := nkeys.FromSeed([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove the file", path, err)
	}
	return k, nil
}
