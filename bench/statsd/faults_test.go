package statsd

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// send sends packets by UDP or to a unix datagram socket.
func send(t *testing.T, network, address string, packets ...string) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range packets {
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatalf("%d bytes: %v", len(p), err)
		}
	}
}

// hostile are packets, with how many of their lines are accepted and rejected, and why.
var hostile = []struct {
	packet           string
	accepted, reject int64
	reason           string
}{
	{"ok:1|c", 1, 0, ""},
	{"ok:1|c\nok:1|c\n", 2, 0, ""},
	{"ok:1|c\r\n\r\nok:2|g\r\n", 2, 0, ""},
	{"a:|g", 0, 1, ""},
	{"a::|g", 0, 1, ""},
	{"a:NaN|g", 0, 1, "value"},
	{"a:Inf|g", 0, 1, "value"},
	{"a:1e999|c", 0, 1, "value"},
	{"a:1|c|@0", 0, 1, "rate"},
	{"a:1|c|@2", 0, 1, "rate"},
	{"a:1|c|@abc", 0, 1, "rate"},
	{"a:1|c|@NaN", 0, 1, "rate"},
	{"tiny:1|ms|@0.0000000001", 1, 0, ""},
	{"a:1|zz", 0, 1, "type"},
	{"a:1|", 0, 1, ""},
	{"a:1", 0, 1, ""},
	{"a", 0, 1, ""},
	{":1|c", 0, 1, ""},
	{"a:1|c|Tnever", 0, 1, "timestamp"},
	{"_e{9,9}:short|x", 0, 1, "event"},
	{"_e{99999999999999999999,1}:a|b", 0, 1, "event"},
	{"_sc|x|9", 0, 1, "service_check"},
	{"half:1|c\nhal", 1, 1, ""},
	{"\x00\xff\xfe\x01", 0, 1, ""},
	{strings.Repeat("|", 5000), 0, 1, ""},
	{strings.Repeat(":", 5000), 0, 1, ""},
	{"long" + strings.Repeat("x", 60000) + ":1|c", 0, 1, ""},
	{strings.TrimSuffix(strings.Repeat("many:1|c\n", 7000), "\n"), 7000, 0, ""},
}

// Malformed and hostile packets are rejected with a reason, over either transport; good
// lines beside them are accepted.
func TestHostilePackets(t *testing.T) {
	t.Parallel()
	udp, path := rig.FreePort(t), filepath.Join(socketDir(t), "s")
	n := up(t, nil, "--interval", "200ms", "--statsd", udp+",unixgram://"+path)
	for network, address := range map[string]string{"udp": udp, "unixgram": path} {
		before, err := n.ledger(t, "")
		if err != nil {
			before = &v1.Ledger{}
		}
		for _, h := range hostile {
			was := before
			send(t, network, address, h.packet)
			now := n.account(t, "", was.Received+h.accepted+h.reject)
			shown := h.packet[:min(len(h.packet), 40)]
			if now.Accepted != was.Accepted+h.accepted || now.Rejected != was.Rejected+h.reject {
				t.Errorf("%s: %q: accepted %d, rejected %d: %v", network, shown, now.Accepted-was.Accepted,
					now.Rejected-was.Rejected, now.Reasons)
			}
			if h.reason != "" && now.Reasons[h.reason] != was.Reasons[h.reason]+h.reject {
				t.Errorf("%s: %q is not rejected for its %s: was %v, is %v", network, shown, h.reason, was.Reasons, now.Reasons)
			}
			before = now
		}
	}
	if !n.Running() {
		t.Fatal("it ended")
	}
}

// Every line of a flood is in the ledger of its container, as received or as dropped by
// the kernel; while the collector is stopped the kernel must drop. A container that
// sends little loses nothing.
func TestFlood(t *testing.T) {
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	_, port, _ := net.SplitHostPort(rig.FreePort(t))
	path := filepath.Join(dir, "s")
	type flooder struct {
		*rig.Container
		udp  string
		sent int64
	}
	var flooders []*flooder
	listen := "unixgram://" + path
	for range 2 {
		c := docker.Run(t, rig.Spec{Args: clients.Mounts(dir)})
		f := &flooder{Container: c, udp: net.JoinHostPort(c.Wire(t), port)}
		listen += "," + f.udp
		flooders = append(flooders, f)
	}
	quiet := docker.Run(t, rig.Spec{Args: clients.Mounts(dir)})
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", listen)
	waitNamed(t, n, quiet)
	quiet.Exec(t, clients.Datadog("unixgram://"+path, "-prefix", "quiet.")...)
	for _, f := range flooders {
		waitNamed(t, n, f.Container)
		for _, way := range []string{"unixgram", "udp", "udp, with the collector stopped"} {
			target, stopped := f.udp, strings.HasSuffix(way, "stopped")
			if way == "unixgram" {
				target = "unixgram://" + path
			}
			if stopped {
				n.Signal(syscall.SIGSTOP)
			}
			out := f.Exec(t, clients.Datadog(target, "-flood", "2s")...)
			n.Signal(syscall.SIGCONT)
			lines, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
			if err != nil || lines == 0 {
				t.Fatalf("%q: %v", out, err)
			}
			f.sent += lines
			var l *v1.Ledger
			rig.Eventually(t, 15*time.Second, func() (err error) {
				if l, err = n.ledger(t, f.ID); err == nil && l.Received+19*l.KernelDrops != f.sent {
					err = fmt.Errorf("%s: sent %d, received %d, the kernel dropped %d packets of 19", way, f.sent, l.Received,
						l.KernelDrops)
				}
				return err
			})
			t.Logf("%s: %d lines in 2 s; now received %d of %d, shed %d, kernel dropped %d packets", way, lines, l.Received,
				f.sent, l.Shed, l.KernelDrops)
			if stopped && l.KernelDrops == 0 {
				t.Error("the kernel dropped nothing")
			}
		}
		rig.Eventually(t, 10*time.Second, func() error {
			l, err := n.ledger(t, f.ID)
			if err != nil {
				return err
			}
			m, err := n.app(f.ID, "dd.flood")
			if err != nil {
				return err
			}
			if got := int64(m.Datapoints[0].Value); got != l.Accepted {
				err = fmt.Errorf("accepted %d lines of 1 each, the counter is %d", l.Accepted, got)
			}
			return err
		})
	}
	all, err := n.ledger(t, "")
	if err != nil {
		t.Fatal(err)
	}
	still, err := n.ledger(t, quiet.ID)
	if err != nil || still.KernelDrops != 0 || still.Shed != 0 {
		t.Errorf("the quiet container: %+v, %v", still, err)
	}
	received, drops := still.Received, int64(0)
	for _, f := range flooders {
		l, err := n.ledger(t, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		received, drops = received+l.Received, drops+l.KernelDrops
	}
	if all.Received != received || all.KernelDrops != drops {
		t.Errorf("of containers %d received, %d dropped; of all %+v", received, drops, all)
	}
}

// When a container is killed while it floods, the ledger balances, and others are
// served as before.
func TestKilledInFlood(t *testing.T) {
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	path := filepath.Join(dir, "s")
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", rig.FreePort(t)+",unixgram://"+path)
	victim := docker.Run(t, rig.Spec{Name: rig.UniqueName("victim"), Args: clients.Mounts(dir),
		Cmd: clients.Datadog("unixgram://"+path, "-prefix", "victim.", "-flood", "60s")})
	other := docker.Run(t, rig.Spec{Name: rig.UniqueName("other"), Args: clients.Mounts(dir)})
	waitNamed(t, n, other)
	rig.Eventually(t, 15*time.Second, func() error {
		l, err := n.ledger(t, victim.ID)
		if err == nil && l.Received < 100_000 {
			err = fmt.Errorf("the flood is at %d lines", l.Received)
		}
		return err
	})
	victim.Stop()
	other.Exec(t, clients.Datadog("unixgram://"+path, "-prefix", "other.")...)
	rig.Eventually(t, 5*time.Second, func() error {
		m, err := n.app(other.ID, "")
		if err == nil {
			err = complete(m, "other.", false)
		}
		return err
	})
	// When nothing is sent any more, the ledger does not change, and balances.
	var was, now int64
	rig.Eventually(t, 15*time.Second, func() error {
		l, err := n.ledger(t, "")
		if err != nil {
			return err
		}
		if was, now = now, l.Received; was != now {
			return fmt.Errorf("lines still come: %d", now-was)
		}
		return nil
	})
	if b, err := n.Node.Get("/metrics"); err != nil || strings.Contains(string(b), "victim_flood{") &&
		strings.Contains(string(b), victim.ID) {
		t.Errorf("the killed container is still exposed (%v)", err)
	}
}

// Lines beyond the budget of series of a container go into one overflow series, and
// are counted.
func TestManySeries(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	path := filepath.Join(dir, "s")
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", rig.FreePort(t)+",unixgram://"+path)
	c := docker.Run(t, rig.Spec{Args: clients.Mounts(dir)})
	waitNamed(t, n, c)
	const series = 100_000
	c.Exec(t, clients.Datadog("unixgram://"+path, "-series", strconv.Itoa(series))...)
	l := n.account(t, c.ID, series)
	if l.Accepted != series || l.Overflowed == 0 || l.Series+l.Overflowed < series {
		t.Errorf("%+v", l)
	}
	t.Logf("%d series, %d lines past the budget", l.Series, l.Overflowed)
}

// After kill -9 and a start on the same data, what is sent arrives, the ledger starts
// at zero, and the socket exists again.
func TestKilledCollector(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	path := filepath.Join(dir, "s")
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", rig.FreePort(t)+",unixgram://"+path)
	c := docker.Run(t, rig.Spec{Args: clients.Mounts(dir)})
	for round := range 2 {
		waitNamed(t, n, c)
		prefix := fmt.Sprintf("r%d.", round)
		c.Exec(t, clients.Datadog("unixgram://"+path, "-prefix", prefix)...)
		rig.Eventually(t, 5*time.Second, func() error {
			m, err := n.app(c.ID, "")
			if err == nil {
				err = complete(m, prefix, false)
			}
			return err
		})
		l, err := n.ledger(t, "")
		if err != nil || l.Rejected != 0 || l.Received > 100 {
			t.Fatalf("%+v, %v", l, err)
		}
		if round == 0 {
			n.Kill()
			n.Restart(t)
		}
	}
}
