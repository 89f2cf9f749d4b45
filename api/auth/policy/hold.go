package policy

import (
	"context"
	"errors"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

// Why a context of Hold ends.
var (
	// ErrExpired says that the proof of who asks has expired.
	ErrExpired = errors.New("the sign-in has expired")
	// ErrChanged says that the policy has changed, and does not allow the same any more.
	ErrChanged = errors.New("the policy has changed")
)

// Hold is View for something that lasts, as a stream or a session does. The context ends,
// with ErrExpired or ErrChanged as its cause, at the moment when the principal's proof
// expires, or when a new policy is in use and still returns false for its view. A nil
// still wants a view that is equal to the first. The caller must call end.
func (f *File) Hold(
	ctx context.Context, who *auth.Principal, a Action, r Resource, still func(*View) bool,
) (held context.Context, v *View, end context.CancelFunc) {
	f.mu.Lock()
	p, changed := f.Policy(), f.changed
	f.mu.Unlock()
	v = p.View(who, a, r)
	if still == nil {
		still = v.Equal
	}
	held, cancel := context.WithCancelCause(ctx)
	end = func() { cancel(context.Canceled) }
	if who.Expired(time.Now()) {
		cancel(ErrExpired)
		return held, v, end
	}
	go func() {
		next := time.NewTimer(untilExpiry(who))
		defer next.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-next.C:
				if who.Expired(time.Now()) {
					cancel(ErrExpired)
					return
				}
				next.Reset(untilExpiry(who))
				continue
			case <-changed:
			}
			f.mu.Lock()
			p, changed = f.Policy(), f.changed
			f.mu.Unlock()
			if now := p.View(who, a, r); !still(now) {
				cancel(ErrChanged)
				return
			}
		}
	}()
	return held, v, end
}

// maxUntilExpiry bounds how late it is noticed that the clock was set past an expiry.
const maxUntilExpiry = 4 * time.Second

// untilExpiry returns how long to wait before looking again whether a proof has expired.
func untilExpiry(who *auth.Principal) time.Duration {
	if who.Expires().IsZero() {
		return 24 * time.Hour
	}
	return min(time.Until(who.Expires()), maxUntilExpiry)
}
