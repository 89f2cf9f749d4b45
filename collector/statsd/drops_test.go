package statsd

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	benchrig "github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// dropBox is a container with a port of its own.
type dropBox struct {
	id   string
	conn net.Conn
	sent int64
}

func (b *dropBox) send(t testing.TB, packets int) {
	t.Helper()
	for range packets {
		if _, err := b.conn.Write(dropPacket); err != nil {
			t.Fatal(err)
		}
	}
	b.sent += int64(packets)
}

var dropPacket = []byte("drop.counter:1|c|#env:prod")

// newDropRig returns a server with small receive buffers, and containers that have each
// sent to it already.
func newDropRig(t testing.TB) (*rig, []*dropBox) {
	t.Helper()
	benchrig.NeedRoot(t, "a BPF program")
	r := newRig(t, Options{})
	if s := r.Stats(); !s.Drops || !s.Steered {
		t.Fatalf("drops are not known by their senders: %+v", s)
	}
	for _, l := range r.in.Listeners() {
		err := l.UDPSockets(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<16) })
		if err != nil {
			t.Fatal(err)
		}
	}
	var senders []*dropBox
	for i := range 3 {
		id := fmt.Sprint("box", i)
		got, err := launch.NewClient(r.o.Socket).Add(t.Context(), launch.Request{ContainerID: id})
		if err != nil {
			t.Fatal(err)
		}
		b := &dropBox{id: id}
		if b.conn, err = net.Dial("udp", net.JoinHostPort(got.StatsdHost, strconv.Itoa(int(got.StatsdPort)))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.conn.Close() })
		b.send(t, 1)
		senders = append(senders, b)
	}
	r.await(int64(len(senders)))
	return r, senders
}

// hold blocks aggregation, so that the sockets fill up.
func (r *rig) hold() {
	for i := range r.o.Workers + 1 {
		r.store.Worker(i).Begin()
	}
}

func (r *rig) release() {
	for i := range r.o.Workers + 1 {
		r.store.Worker(i).End()
	}
}

// Each container's ledger has its received packets and those that the kernel dropped:
// together, all that it sent. A container that sent while there was room has no drops.
func TestDropsByContainer(t *testing.T) {
	r, senders := newDropRig(t)
	quiet, noisy := senders[0], senders[1:]
	r.hold()
	for _, b := range noisy {
		b.send(t, 20_000)
	}
	r.release()
	was := map[string]int64{}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, ledger := r.Tick(time.Now(), r.parent)
		bad := ""
		total := int64(0)
		for i, row := range ledger.Rows {
			v := ledger.Row(i)
			if v[metric.StatsdKernelDrops] < was[row.Key] {
				t.Fatalf("drops of %q stepped back from %d to %d", row.Key, was[row.Key], v[metric.StatsdKernelDrops])
			}
			was[row.Key] = v[metric.StatsdKernelDrops]
			if row.Key != "" {
				total += v[metric.StatsdKernelDrops]
			}
			for _, b := range senders {
				if row.Key == b.id && v[metric.StatsdPackets]+v[metric.StatsdKernelDrops] != b.sent {
					bad += fmt.Sprintf("%s: sent %d, %d received, %d dropped\n", b.id, b.sent, v[metric.StatsdPackets],
						v[metric.StatsdKernelDrops])
				}
			}
		}
		if total != was[""] {
			t.Fatalf("the ledgers have %d drops, the row of all %d", total, was[""])
		}
		if bad == "" {
			break
		}
		if time.Now().After(end) {
			t.Fatal(bad)
		}
	}
	if was[quiet.id] != 0 || was["unknown"] != 0 || was[noisy[0].id] == 0 || was[noisy[1].id] == 0 {
		t.Errorf("drops: %v", was)
	}
	t.Logf("drops: %v", was)
}

// Drops whose sender BPF does not report are also in the ledger, under the unknown
// sender: at once if BPF does not count drops, or else a tick later.
func TestDropsOfNobody(t *testing.T) {
	for _, noBPF := range []bool{true, false} {
		t.Run(fmt.Sprintf("noBPF=%v", noBPF), func(t *testing.T) {
			if !noBPF {
				benchrig.NeedRoot(t, "a BPF program")
			}
			r := newRig(t, Options{NoBPF: noBPF})
			// BPF does not count drops at this socket.
			l, err := r.in.ListenUDP(intake.UDP{Address: netip.MustParseAddrPort("127.0.0.1:0"), ReceiveBuffer: 1 << 16})
			if err != nil {
				t.Fatal(err)
			}
			r.setParser(l, line.New(line.Options{}))
			b := &dropBox{}
			if b.conn, err = net.Dial("udp", r.address(int(l.Number))); err != nil {
				t.Fatal(err)
			}
			defer b.conn.Close()
			r.hold()
			b.send(t, 20_000)
			r.release()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				_, ledger := r.Tick(time.Now(), r.parent)
				v := ledger.Row(0)
				if v[metric.StatsdPackets]+v[metric.StatsdKernelDrops] == b.sent && v[metric.StatsdKernelDrops] > 0 {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%d packets, %d drops of %d", v[metric.StatsdPackets], v[metric.StatsdKernelDrops], b.sent)
				}
			}
		})
	}
}
