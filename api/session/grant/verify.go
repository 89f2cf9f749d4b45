package grant

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrRefused says that a grant is not valid here: altered, late, used, or for another node.
var ErrRefused = errors.New("the grant of the session is refused")

const (
	maxNonces  = 100_000 // grants that are remembered at once
	keepNonces = 4096    // grants that may be remembered in vain, beside as many as are needed
)

// Verifier verifies grants at a node. It is safe for concurrent use.
type Verifier struct {
	agent string
	now   func() time.Time

	mu    sync.Mutex
	keys  map[string]ed25519.PublicKey
	used  map[string]time.Time // nonce to deadline
	full  int                  // how many are in used before some are forgotten
	floor time.Time            // nonces of grants with a deadline before it may be forgotten
	file  *nonceFile           // nil if nothing is stored
}

// NewVerifier returns a verifier for a node. It stores used nonces in a file, if path is not
// "", so that a grant cannot be used again after a restart.
func NewVerifier(agent, path string, keys ...ed25519.PublicKey) (*Verifier, error) {
	v := &Verifier{agent: agent, now: time.Now, used: map[string]time.Time{}, full: keepNonces}
	v.SetKeys(keys...)
	if path == "" {
		return v, nil
	}
	var err error
	v.floor = v.now()
	v.file, err = openNonces(path, v.floor, v.used)
	return v, err
}

// SetKeys replaces the keys of relays that may sign.
func (v *Verifier) SetKeys(keys ...ed25519.PublicKey) {
	m := map[string]ed25519.PublicKey{}
	for _, k := range keys {
		m[KeyID(k)] = k
	}
	v.mu.Lock()
	v.keys = m
	v.mu.Unlock()
}

// Verify returns the grant of a token, which is used up by that. Its errors wrap ErrRefused, and
// say why; with a valid signature they come with the grant, for the audit log.
func (v *Verifier) Verify(token string) (*Grant, error) {
	v.mu.Lock()
	keys := v.keys
	v.mu.Unlock()
	g, err := open(token, keys)
	if err == nil && g.Agent != v.agent {
		err = fmt.Errorf("it is for the node %q", g.Agent)
	}
	if err == nil {
		err = v.use(g.Nonce, g.Deadline, MaxLife+MaxLife)
	}
	if err == nil && g.Approval != "" {
		if g.approver, err = openApproval(g, keys, v.now()); err == nil {
			if err = v.use(g.approver.Nonce, g.approver.Deadline, MaxApproval+MaxLife); err != nil {
				err = fmt.Errorf("the approval in it: %w", err)
			}
		}
	}
	if err != nil {
		return g, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return g, nil
}

// use remembers a grant, or an approval, and returns an error if it may not be used any more, or
// yet: its deadline may be at most so far away.
func (v *Verifier) use(nonce string, deadline time.Time, most time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	switch {
	case !now.Before(deadline):
		return fmt.Errorf("it was valid until %v, and here it is %v: ask again, and if it stays so compare the clocks of "+
			"relay and node", deadline.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case deadline.Sub(now) > most:
		return fmt.Errorf("it is valid until %v, which is too far away: compare the clocks of relay and node",
			deadline.Format(time.RFC3339))
	case !v.floor.Before(deadline):
		return errors.New("the clock of this node was set back, and the grant may have been used before: ask again")
	}
	if _, was := v.used[nonce]; was {
		return errors.New("it was used before")
	}
	if len(v.used) >= v.full {
		v.forget(now)
		if err := v.file.rewrite(v.used); err != nil {
			return err
		}
		v.full = min(2*len(v.used)+keepNonces, maxNonces)
	}
	if len(v.used) >= maxNonces {
		return fmt.Errorf("%d grants in a few minutes are too many: try again later", maxNonces)
	}
	if err := v.file.add(nonce, deadline); err != nil {
		return fmt.Errorf("that it is used cannot be stored: %w", err)
	}
	v.used[nonce] = deadline
	return nil
}

// forget forgets the nonces of grants that are refused for their deadline.
func (v *Verifier) forget(now time.Time) {
	v.floor = now
	for nonce, deadline := range v.used {
		if !now.Before(deadline) {
			delete(v.used, nonce)
		}
	}
}

// Close closes the file of nonces.
func (v *Verifier) Close() error { return v.file.close() }
