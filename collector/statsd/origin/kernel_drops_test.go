package origin

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// dropBox is a container that sends, and the number of datagrams it sends.
type dropBox struct {
	name      string
	datagrams uint64
	drops     bool // the receiver is blocked while it sends
	sending
	process *sender
}

// smallBuffers makes the kernel drop early, and counts the drops.
func (r *fixture) smallBuffers(t *testing.T) {
	t.Helper()
	if !r.table.DropsKnown() {
		t.Fatal("drops are not known")
	}
	for _, l := range r.in.Listeners() {
		err := l.UDPSockets(func(fd int) error {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<16); err != nil {
				return err
			}
			return r.table.CountDrops(fd)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// start starts the senders, which wait, and registers them with the table.
func (r *fixture) start(t *testing.T, senders []*dropBox) {
	t.Helper()
	apart := r.first + 500
	var known []Container
	for _, b := range senders {
		path := fmt.Sprintf("/daytwo-test-origin-%d/%s", os.Getpid(), b.name)
		b.Network, b.Wait = "udp", true
		b.Cgroups = makeCgroup(t, r.table, path)
		known = append(known, Container{ID: b.name, Cgroups: []string{path}})
		q := launch.Request{ContainerID: b.name}
		switch {
		case b.Netns:
			b.Address = fmt.Sprint("127.0.0.1:", apart)
			b.process = startSender(t, b.sending)
			q.StatsdPort, q.Netns = apart, fmt.Sprintf("/proc/%d/ns/net", b.process.Process.Pid)
			r.add(t, q)
			continue
		case b.Address == "":
			b.Address = fmt.Sprint("127.0.0.1:", r.add(t, q).StatsdPort)
		}
		b.process = startSender(t, b.sending)
	}
	r.table.Containers(known)
}

func (b *dropBox) run(t *testing.T) {
	t.Helper()
	b.process.in.Write([]byte{1})
	b.process.expect(t, "sent\n")
}

// While nothing is received, the kernel drops datagrams, and the sender of each is
// known: from cgroups at the shared port, over IPv4 and IPv6, by a port of its own, from
// a network namespace of its own, and in large packets joined by GSO. The sum of the
// received and dropped datagrams of each sender is exactly what it sent.
func TestKernelDrops(t *testing.T) {
	r := newFixture(t, Config{})
	r.smallBuffers(t)
	shared, shared6 := fmt.Sprint("127.0.0.1:", r.udp.Port()), fmt.Sprint("[::1]:", r.udp6.Port())
	const each = 5000
	line := strings.Repeat("x", 99)
	joined := sending{Address: shared, Lines: []string{strings.Repeat(line, 10)}, Repeat: each, Segment: 99}
	quiet := &dropBox{name: "quiet", datagrams: 3, sending: sending{Address: shared, Lines: []string{"a", "b", "c"}}}
	flood := []*dropBox{
		{name: "shared", datagrams: each, sending: sending{Address: shared, Lines: []string{line}, Repeat: each}},
		{name: "shared6", datagrams: each, sending: sending{Address: shared6, Lines: []string{line}, Repeat: each}},
		{name: "joined", datagrams: 10 * each, sending: joined},
		{name: "own", datagrams: each, sending: sending{Lines: []string{line}, Repeat: each}},
		{name: "apart", datagrams: each, sending: sending{Lines: []string{line}, Repeat: each, Netns: true}},
	}
	all := append(flood, quiet)
	r.start(t, all)
	quiet.run(t)
	r.who(t, "c")
	r.mu.Lock() // block the receiver
	for _, b := range flood {
		b.drops = true
		b.run(t)
	}
	r.mu.Unlock()
	r.balances(t, all)
}

// balances waits until the received and dropped datagrams add up to what each has sent.
func (r *fixture) balances(t *testing.T, senders []*dropBox) {
	t.Helper()
	dropped, packets := map[Origin]uint64{}, uint64(0)
	rig.Eventually(t, 20*time.Second, func() error {
		for _, d := range r.table.Drops(nil) {
			dropped[d.Origin] += d.Datagrams
			packets += d.Packets
		}
		var bad []error
		for _, b := range senders {
			o := r.table.index.Load().byID[b.name]
			r.mu.Lock()
			got := r.of[o]
			r.mu.Unlock()
			if got+dropped[o] != b.datagrams || dropped[o] > 0 != b.drops {
				bad = append(bad, fmt.Errorf("%s: sent %d, received %d, dropped %d", b.name, b.datagrams, got, dropped[o]))
			}
		}
		sockets := uint64(0)
		for _, l := range r.in.Listeners() {
			sockets += l.Counts().KernelDrops
		}
		if packets != sockets || dropped[0] > 0 {
			bad = append(bad, fmt.Errorf("told of %d packets, %d of nobody; the sockets count %d", packets, dropped[0], sockets))
		}
		return errors.Join(bad...)
	})
	t.Logf("dropped %d packets", packets)
}
