package origin

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
)

// While nothing is received the kernel drops datagrams, and each is known for its
// sender's: by the shared port from cgroups, by IPv4 and IPv6, by a port of its
// own, from a network namespace of its own, and joined to large packets (GSO). What
// each sent is what was received and what was dropped, to the datagram.
func TestKernelDrops(t *testing.T) {
	r := newRoom(t, Config{Ports: launch.PortRange{First: 22000, Last: 22999}})
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
	base := fmt.Sprintf("/daytwo-test-origin-%d", os.Getpid())
	shared, shared6 := fmt.Sprint("127.0.0.1:", r.udp.Port()), fmt.Sprint("[::1]:", r.udp6.Port())
	const each = 5000
	line := strings.Repeat("x", 99)
	type box struct {
		name      string
		datagrams uint64
		drops     bool
		sending
	}
	boxes := []*box{
		{"shared", each, true, sending{Address: shared, Lines: []string{line}, Repeat: each}},
		{"shared6", each, true, sending{Address: shared6, Lines: []string{line}, Repeat: each}},
		{"joined", 10 * each, true, sending{Address: shared, Lines: []string{strings.Repeat(line, 10)}, Repeat: each, Segment: 99}},
		{"own", each, true, sending{Lines: []string{line}, Repeat: each}},
		{"apart", each, true, sending{Lines: []string{line}, Repeat: each, Netns: true}},
		{"quiet", 3, false, sending{Address: shared, Lines: []string{"a", "b", "c"}}},
	}
	var known []Container
	running := map[string]*sender{}
	for _, b := range boxes {
		path := base + "/" + b.name
		b.Network, b.Wait = "udp", true
		b.Cgroups = makeCgroup(t, r.table, path)
		known = append(known, Container{ID: b.name, Cgroups: []string{path}})
		if b.Address == "" {
			q := launch.Request{ContainerID: b.name}
			if !b.Netns {
				c := r.add(t, q)
				b.Address = fmt.Sprint("127.0.0.1:", c.StatsdPort)
			} else {
				b.Address = "127.0.0.1:22500"
			}
		}
		p := startSender(t, b.sending)
		if b.Netns {
			r.add(t, launch.Request{ContainerID: b.name, StatsdPort: 22500, Netns: fmt.Sprintf("/proc/%d/ns/net", p.Process.Pid)})
		}
		running[b.name] = p
	}
	r.table.Containers(known)
	run := func(b *box) {
		running[b.name].in.Write([]byte{1})
		running[b.name].expect(t, "sent\n")
	}
	for _, b := range boxes {
		if !b.drops {
			run(b)
		}
	}
	r.who(t, "c")
	r.mu.Lock() // nobody receives
	for _, b := range boxes {
		if b.drops {
			run(b)
		}
	}
	r.mu.Unlock()

	dropped, packets := map[Origin]uint64{}, uint64(0)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, d := range r.table.Drops(nil) {
			dropped[d.Origin] += d.Datagrams
			packets += d.Packets
		}
		var bad []string
		for _, b := range boxes {
			o := r.table.index.Load().byID[b.name]
			r.mu.Lock()
			got := r.of[o]
			r.mu.Unlock()
			if got+dropped[o] != b.datagrams || dropped[o] > 0 != b.drops {
				bad = append(bad, fmt.Sprintf("%s: sent %d, received %d, dropped %d", b.name, b.datagrams, got, dropped[o]))
			}
		}
		sockets := uint64(0)
		for _, l := range r.in.Listeners() {
			sockets += l.Counts().KernelDrops
		}
		if packets != sockets || dropped[0] > 0 {
			bad = append(bad, fmt.Sprintf("told of %d packets, %d of nobody; the sockets count %d", packets, dropped[0], sockets))
		}
		if bad == nil {
			t.Logf("dropped %d packets", packets)
			return
		}
		if time.Now().After(end) {
			t.Fatal(strings.Join(bad, "\n"))
		}
	}
}
