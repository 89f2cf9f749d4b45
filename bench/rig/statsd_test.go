package rig

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// receive reads from a socket until all of want has come.
func receive(t *testing.T, c net.PacketConn, want ...string) {
	t.Helper()
	var got strings.Builder
	buf := make([]byte, 64<<10)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatalf("%v; so far:\n%s", err, got.String())
		}
		got.Write(buf[:n])
		got.WriteByte('\n')
		missing := false
		for _, w := range want {
			missing = missing || !strings.Contains(got.String(), w)
		}
		if !missing {
			return
		}
	}
}

func TestStatsdClients(t *testing.T) {
	for _, engine := range []func(testing.TB) *Engine{Docker, Podman} {
		e := engine(t)
		t.Run(e.Name, func(t *testing.T) {
			clients := Statsd(t)
			dir, err := os.MkdirTemp("", "rig-sock-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			os.Chmod(dir, 0o755)
			path := filepath.Join(dir, "s")
			unix, err := net.ListenPacket("unixgram", path)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close()
			os.Chmod(path, 0o777)
			c := e.Run(t, Spec{Args: clients.Mounts(dir)})
			host := c.Wire(t)
			udp, err := net.ListenPacket("udp", host+":0")
			if err != nil {
				t.Fatal(err)
			}
			defer udp.Close()
			for _, s := range []struct {
				conn   net.PacketConn
				target string
			}{{unix, "unixgram://" + path}, {udp, udp.LocalAddr().String()}} {
				c.Exec(t, clients.Datadog(s.target)...)
				receive(t, s.conn, "dd.count:10|c", "dd.gauge:42.5|g", "dd.timing:10", "dd.set:", "_e{8,22}:deployed|",
					"_sc|alive|0")
				c.Exec(t, clients.HotShots("hs.", s.target)...)
				receive(t, s.conn, "hs.count:1|c", "hs.gauge:42.5|g", "hs.timing:10|ms", "hs.distribution:10|d",
					"_e{11,22}:hs.deployed|", "_sc|hs.alive|0")
				c.Exec(t, clients.Raw(s.target, "a:1|c\nb:\x00\xff|g")...)
				receive(t, s.conn, "a:1|c\nb:\x00\xff|g")
			}
			c.Exec(t, clients.Etsy("etsy.", udp.LocalAddr().String())...)
			receive(t, udp, "etsy.count:1|c", "etsy.gauge:42.5|g", "etsy.set:0|s", "etsy.sampled:1|c|@0.1")
		})
	}
}
