package origin

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/unixsocket"
)

// Claim is a range of ports that a collector in this network namespace hands out to
// containers. It is a unix socket with an abstract name (unix(7)). The kernel keeps
// these names separate for each network namespace, and frees them when the process ends.
type Claim struct {
	launch.PortRange
	PID int // 0: in a pid namespace that is not visible from here

	name     string
	listener net.Listener
}

const claimPrefix = "daytwo-statsd-ports/"

// ErrClaimed means that another collector hands out some of the ports.
var ErrClaimed = errors.New("another collector hands out ports for containers")

// claim claims a range for this process until the claim is closed. It returns ErrClaimed
// if another collector has claimed a part of the range.
func claim(r launch.PortRange) (*Claim, error) {
	c := &Claim{PortRange: r, PID: os.Getpid(), name: fmt.Sprintf("%s%v/%s", claimPrefix, r, rand.Text())}
	l, err := net.Listen("unix", "@"+c.name)
	if err != nil {
		return nil, fmt.Errorf("claim ports for containers: %w", err)
	}
	c.listener = l
	go func() { // a client connects only to read our credentials, which the kernel supplies
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	// Check only after listening: of two collectors that claim at once, at least one
	// finds the other.
	others, err := Claims()
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("claim ports for containers: %w", err)
	}
	for _, o := range others {
		if o.name != c.name && o.Overlaps(r) {
			l.Close()
			return nil, fmt.Errorf("%w here, %v: give this one others (--statsd-ports FIRST-LAST)", ErrClaimed, o)
		}
	}
	return c, nil
}

func (c *Claim) String() string {
	who := "its process is in another pid namespace"
	if c.PID != 0 {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c.PID))
		who = fmt.Sprintf("process %d %s", c.PID, strings.TrimSpace(string(comm)))
	}
	return fmt.Sprintf("%d to %d (%s)", c.First, c.Last, who)
}

func (c *Claim) close() error { return c.listener.Close() }

// Claims returns the claims of all collectors in this network namespace. It ignores
// those of unprivileged users: they steer no ports, and ports that they bind are found
// in other ways.
func Claims() ([]*Claim, error) {
	f, err := os.Open("/proc/thread-self/net/unix")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readClaims(f)
}

func readClaims(r io.Reader) (all []*Claim, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		const accepting = "00010000" // SO_ACCEPTON: a listening socket, not one of its connections
		f := strings.Fields(lines.Text())
		if len(f) != 8 || f[3] != accepting {
			continue
		}
		name, ok := strings.CutPrefix(f[7], "@")
		c := &Claim{name: name}
		if text, ours := strings.CutPrefix(name, claimPrefix); !ok || !ours {
			continue
		} else if _, err := fmt.Sscanf(text, "%d-%d/", &c.First, &c.Last); err != nil {
			continue
		}
		switch cred, err := unixsocket.Peer("@" + name); {
		case err != nil: // closed meanwhile
		case cred.Uid == 0 || cred.Uid == uint32(os.Geteuid()):
			c.PID = int(cred.Pid)
			all = append(all, c)
		}
	}
	return all, lines.Err()
}
