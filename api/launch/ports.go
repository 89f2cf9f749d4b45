package launch

import (
	"fmt"
	"strconv"
	"strings"
)

// PortRange is a range of UDP ports for containers. The collector binds the first one
// itself, and assigns the others to containers. The zero value means that the collector
// chooses a range.
type PortRange struct{ First, Last uint16 }

// DefaultPorts is the range that a collector chooses, unless the kernel uses these ports
// as ephemeral ports (net.ipv4.ip_local_port_range).
var DefaultPorts = PortRange{20000, 29999}

// ParsePortRange parses FIRST-LAST.
func ParsePortRange(s string) (PortRange, error) {
	first, last, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	r := PortRange{uint16(a), uint16(b)}
	if !ok || err1 != nil || err2 != nil || r.Check() != nil {
		return PortRange{}, fmt.Errorf("use FIRST-LAST, two ports, such as %v", DefaultPorts)
	}
	return r, nil
}

// Check returns an error if a range has no port that can be assigned to a container.
func (r PortRange) Check() error {
	if r.First == 0 || r.Last <= r.First {
		return fmt.Errorf("ports %d to %d for containers: the second must be greater than the first, and both than 0",
			r.First, r.Last)
	}
	return nil
}

// IsZero reports whether no range was given.
func (r PortRange) IsZero() bool { return r == PortRange{} }

// Overlaps reports whether two ranges share a port.
func (r PortRange) Overlaps(o PortRange) bool { return r.First <= o.Last && o.First <= r.Last }

// String returns FIRST-LAST, or "" for the zero value.
func (r PortRange) String() string {
	if r.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}
