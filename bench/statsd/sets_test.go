package statsd

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// Two containers send sets with members in common. The sets go through frames and NATS
// to the relay, where each member counts once.
func TestSets(t *testing.T) {
	t.Parallel()
	n := up(t, nil, "--statsd", rig.FreePort(t))
	var conns []net.Conn
	for i := range 2 {
		c, err := launch.NewClient(filepath.Join(n.Data, launch.SocketName)).Add(t.Context(),
			launch.Request{ContainerID: fmt.Sprintf("%s-%d", t.Name(), i)})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("udp", net.JoinHostPort(c.StatsdHost, strconv.Itoa(int(c.StatsdPort))))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	send := func(i int, metric string, from, to int) {
		for at := from; at < to; at += 50 {
			var lines []string
			for k := at; k < min(at+50, to); k++ {
				lines = append(lines, fmt.Sprintf("%s:user-%d|s", metric, k))
			}
			if _, err := conns[i].Write([]byte(strings.Join(lines, "\n"))); err != nil {
				t.Fatal(err)
			}
			if at%1000 == 0 {
				time.Sleep(2 * time.Millisecond) // the receiver shares the CPU
			}
		}
	}
	send(0, "few", 0, 30)
	send(1, "few", 20, 50)
	send(0, "many", 0, 20_000)
	send(1, "many", 5_000, 25_000)
	n.account(t, "", 30+30+20_000+20_000)
	for metric, want := range map[string][3]float64{"few": {50, 30, 30}, "many": {25_000, 20_000, 20_000}} {
		rig.Eventually(t, 10*time.Second, func() error {
			var all, each struct{ Data v1.Matrix }
			if err := n.Relay.Into("/api/v1/query?start=-1m&step=0&distinct=1&metric=app:"+metric, &all); err != nil {
				return err
			}
			if err := n.Relay.Into("/api/v1/query?start=-1m&step=0&distinct=1&by=container_id&metric=app:"+metric,
				&each); err != nil {
				return err
			}
			if len(all.Data.Result) != 1 || len(each.Data.Result) != 2 {
				return fmt.Errorf("%s: %+v and %+v", metric, all.Data.Result, each.Data.Result)
			}
			off := 0.05 // one standard error is 1.6%
			if metric == "few" {
				off = 0
			}
			for i, s := range append(all.Data.Result, each.Data.Result...) {
				if len(s.Points) != 1 || math.Abs(s.Points[0].Value-want[i]) > off*want[i] {
					return fmt.Errorf("%s: %v: %+v, want %v", metric, s.Labels, s.Points, want[i])
				}
				t.Logf("%s: %v: %v", metric, s.Labels["container_id"], s.Points[0].Value)
			}
			return nil
		})
	}
}
