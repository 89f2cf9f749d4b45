package policy

import (
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/auth"
)

// compiled is what a policy means for one principal.
type compiled struct {
	who    *auth.Principal
	groups []string // with those of the file
	rules  []*rule  // that are for the principal
	views  [numResources][numActions]atomic.Pointer[View]
}

func (p *Policy) compile(who *auth.Principal) *compiled {
	c := &compiled{who: who, groups: p.groupsOf(who.Name(), who.Groups())}
	for _, r := range p.rules {
		if r.isFor(who.Name(), c.groups) {
			c.rules = append(c.rules, r)
		}
	}
	return c
}

// view compiles what a principal may do an action with.
func (p *Policy) view(c *compiled, a Action, r Resource) *View {
	v := &View{}
	for _, rule := range c.rules {
		for i := range rule.grants {
			g := &rule.grants[i]
			if !g.covers(a, r) {
				continue
			}
			s := g.selector(rule, c.who, c.groups)
			if len(s.all) == 0 {
				v.all = rule
				break
			}
			if s.possible() {
				v.some = append(v.some, s)
			}
		}
		if v.all != nil {
			break // later rules decide nothing
		}
	}
	v.index = newIndex(v.some)
	return v
}

// maxCost bounds what a cache keeps, in about as many words of memory.
const maxCost = 4 << 20

// cache keeps what a policy means for the principals that asked lately.
type cache struct {
	mu   sync.RWMutex
	of   map[[32]byte]*compiled
	cost atomic.Int64
}

// get returns what is kept for a principal, or makes it.
func (c *cache) get(who *auth.Principal, compile func(*auth.Principal) *compiled) *compiled {
	key := who.Key()
	c.mu.RLock()
	found := c.of[key]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	made := compile(who)
	c.mu.Lock()
	defer c.mu.Unlock()
	if found = c.of[key]; found != nil {
		return found
	}
	if c.of == nil || c.cost.Load() > maxCost {
		c.of = map[[32]byte]*compiled{} // who asks again is compiled again
		c.cost.Store(0)
	}
	c.of[key] = made
	c.cost.Add(int64(len(made.rules) + int(numResources)*int(numActions) + 32))
	return made
}

// grew says that a compiled principal has become larger.
func (c *cache) grew(by int) { c.cost.Add(int64(by)) }

// principals returns how many principals are kept.
func (c *cache) principals() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.of)
}
