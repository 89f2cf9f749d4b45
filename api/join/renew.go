package join

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
)

// Renewer keeps the credential of a node valid: it asks for a new one once two thirds of the
// old one's time are over. The connection uses it when it reconnects, which it does at the
// latest when the old one expires.
type Renewer struct {
	Conn           *nats.Conn
	Cluster, Agent string
	File           string // with the credential
	Log            *slog.Logger

	mu      sync.Mutex
	expires time.Time
	err     error
}

const (
	answerTime = 10 * time.Second
	lookAgain  = time.Minute // at a file that does not expire, as another may take its place
	mostWait   = 10 * time.Minute
)

// State returns when the credential expires, the zero time if it does not, and why it could
// not be renewed last, nil if it could.
func (r *Renewer) State() (expires time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expires, r.err
}

func (r *Renewer) set(expires time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.err == nil {
		r.Log.Error("the node's NATS credential cannot be renewed", "expires", expires, "err", err)
	}
	r.expires, r.err = expires, err
}

// Run renews the credential until ctx ends.
func (r *Renewer) Run(ctx context.Context) {
	early := rand.Float64() / 10 // so that nodes of one age do not all ask at once
	for {
		wait := r.step(ctx, early)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// step renews the credential if it is time, and returns when to look again.
func (r *Renewer) step(ctx context.Context, early float64) time.Duration {
	c, err := readCredential(r.File)
	if err != nil {
		r.set(time.Time{}, err)
		return lookAgain
	}
	end := c.expires()
	if end.IsZero() {
		r.set(end, nil)
		return lookAgain
	}
	life := end.Sub(c.issued())
	due := c.issued().Add(time.Duration(float64(life) * (2.0/3 - early)))
	if wait := time.Until(due); wait > 0 {
		r.set(end, nil)
		return min(wait, lookAgain)
	}
	if err = r.renew(ctx, c); err != nil {
		if time.Until(end) <= 0 {
			err = fmt.Errorf("it has expired: enrol the node again with 'daytwo node enroll --code'; %w", err)
		}
		r.set(end, err)
		return min(max(time.Until(end)/10, time.Second), mostWait)
	}
	return 0
}

// renew gets a new credential, and puts it in place of the old one.
func (r *Renewer) renew(ctx context.Context, c *credential) error {
	key, err := nkeys.FromSeed(c.seed)
	if err != nil {
		return err
	}
	signature, err := key.Sign(credentials.Proof("renew", r.Agent, c.token))
	if err != nil {
		return err
	}
	body, err := json.Marshal(credentials.RenewRequest{JWT: c.token, Signature: signature})
	if err != nil {
		return err
	}
	if !r.Conn.IsConnected() {
		return errors.New("NATS is not connected")
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	m, err := r.Conn.RequestWithContext(ctx, bus.Renew(r.Cluster, r.Agent), body)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return errors.New("no relay has the cluster's keys: start one with --cluster-keys, or replace the file " + r.File)
	case err != nil:
		return err
	}
	var answer credentials.Renewal
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("the relay's answer: %w", err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	claims, err := jwt.DecodeUserClaims(answer.JWT)
	if err != nil {
		return fmt.Errorf("the relay's answer: %w", err)
	}
	if claims.Subject != c.claims.Subject {
		return errors.New("the relay's answer is for another key")
	}
	text, err := jwt.FormatUserConfig(answer.JWT, c.seed)
	if err != nil {
		return fmt.Errorf("the relay's answer: %w", err)
	}
	if err := atomicfile.Write(r.File, text, 0o600); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: keep it where the collector can write, or replace the file", err)
		}
		return err
	}
	r.Log.Info("the node's NATS credential was renewed", "expires", time.Unix(claims.Expires, 0))
	return nil
}
