package jwt

import (
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/auth/jwks"
)

// maxSeen bounds the tokens of one half of the cache. With tokens of a kilobyte it is some
// ten megabytes.
const maxSeen = 4096

// cache keeps valid tokens. It has two halves: when the young one is full, it becomes the
// old one, and what is used of that moves to the young one. A token is forgotten when the
// set of keys changes, since its key may be gone.
type cache struct {
	mu         sync.RWMutex
	keys       *jwks.Set
	young, old map[string]*Identity
}

// get returns the identity of a token that was valid with the present keys, nil for others.
func (c *cache) get(token string, keys *jwks.Set) *Identity {
	c.mu.RLock()
	if c.keys != keys {
		c.mu.RUnlock()
		return nil
	}
	id := c.young[token]
	was := c.old[token]
	c.mu.RUnlock()
	if id == nil && was != nil {
		c.put(token, keys, was)
		return was
	}
	return id
}

// put keeps a token that is valid with keys.
func (c *cache) put(token string, keys *jwks.Set, id *Identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys != keys {
		c.keys, c.young, c.old = keys, nil, nil
	}
	if len(c.young) >= maxSeen {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = make(map[string]*Identity)
	}
	c.young[strings.Clone(token)] = id
}

// Seen returns how many valid tokens are kept.
func (v *Verifier) Seen() int {
	v.seen.mu.RLock()
	defer v.seen.mu.RUnlock()
	return len(v.seen.young) + len(v.seen.old)
}
