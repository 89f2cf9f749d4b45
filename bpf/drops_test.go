package bpf

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// needDrops skips or fails the test if NewDrops returned an error.
func needDrops(t testing.TB, err error) {
	t.Helper()
	rig.NeedRoot(t, "a BPF program")
	switch {
	case errors.Is(err, ErrNoBTF):
		rig.KernelLacks(t, rig.BTF, err)
	case errors.Is(err, ErrDropSocket):
		named := func() bool { major, minor := rig.Release(); return major != 6 || minor != 10 }
		rig.KernelLacks(t, rig.Feature{Name: "tracepoint that names the socket of a drop", Present: named}, err)
	case err != nil:
		t.Fatal(err)
	}
}

// Drops at a thousand sockets are counted separately, also after all slots of the
// table were freed. Drops at a socket that was not passed to Socket are not counted.
func TestDropsTable(t *testing.T) {
	d, err := NewDrops(nil)
	needDrops(t, err)
	defer d.Close()
	out, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	const sockets = 1000
	full := map[uint16]bool{}
	var others uint16
	for i := range sockets + 1 {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadBuffer(1)
		to := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		for range 10 { // more than the buffer holds
			out.WriteToUDPAddrPort(make([]byte, 1000), to)
		}
		if i == sockets {
			others = to.Port()
			continue
		}
		raw, err := conn.SyscallConn()
		if err == nil {
			raw.Control(func(fd uintptr) { err = errors.Join(err, d.Socket(int(fd))) })
		}
		if err != nil {
			t.Fatal(err)
		}
		full[to.Port()] = true
	}
	told := func() (of map[uint16]uint64) { // until five reads in a row return nothing
		of = map[uint16]uint64{}
		for quiet := 0; quiet < 5; quiet++ {
			for _, got := range d.Read(nil) {
				if of[got.Port] += got.Datagrams; !full[got.Port] {
					t.Fatalf("told of %+v", got)
				}
				quiet = 0
			}
			time.Sleep(5 * time.Millisecond)
		}
		return of
	}
	told() // frees all slots, as nothing is dropped
	for round := range 3 {
		for port := range full {
			for range 3 {
				out.WriteToUDP([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
			}
		}
		out.WriteToUDP([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(others)})
		got := told()
		for port := range full {
			if got[port] != 3 {
				t.Fatalf("round %d: %d drops at port %d, want 3", round, got[port], port)
			}
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := d.Socket(int(null.Fd())); err == nil {
		t.Error("what is no socket was taken for one")
	}
}
