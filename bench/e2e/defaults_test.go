package e2e

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Without flags the API, the node's metrics, StatsD and the ports for containers are
// at the addresses that the documentation names.
func TestDefaultAddresses(t *testing.T) {
	t.Parallel()
	n := rig.NewNetns(t)
	d := rig.StartReady(t, rig.Options{Netns: n, DefaultPorts: true, Args: []string{"--interval", "200ms"}})
	for _, address := range []string{"127.0.0.1:8125", "127.0.0.1:61825"} {
		name := "to_" + address[strings.LastIndex(address, ":")+1:]
		var err error
		if e := n.Do(func() {
			var c net.Conn
			if c, err = net.Dial("udp", address); err == nil {
				_, err = c.Write([]byte(name + ":1|c"))
				c.Close()
			}
		}); e != nil || err != nil {
			t.Fatal(e, err)
		}
		rig.Eventually(t, 10*time.Second, func() error {
			if body := d.Node.MustGet(t, "/metrics"); !strings.Contains(body, "\n"+name+"{") &&
				!strings.Contains(body, "\n"+name+" ") {
				return fmt.Errorf("no %s in /metrics", name)
			}
			return nil
		})
	}
	out, err := n.Command(rig.Binary(t), "run", "--socket", d.Data+"/daytwo.sock", "--", "sh", "-c",
		"echo $STATSD_UDP_PORT").Output()
	port, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || port < 20000 || port > 29999 {
		t.Errorf("the port of a container is %q (%v)", out, err)
	}
	d.Stop(t)
}
