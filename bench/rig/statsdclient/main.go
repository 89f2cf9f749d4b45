package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/DataDog/datadog-go/v5/statsd"
)

func main() {
	prefix := flag.String("prefix", "dd.", "before every name")
	raw := flag.Bool("raw", false, "send each further argument as a packet as it is (Go escapes)")
	flood := flag.Duration("flood", 0, "send counters as fast as it goes for so long")
	series := flag.Int("series", 0, "send so many series of one name, a packet each 20")
	told := flag.Bool("events", false, "send two events and three service checks")
	flag.Parse()
	if flag.NArg() < 1 {
		fail(fmt.Errorf("want HOST:PORT, unixgram:///PATH or unixstream:///PATH"))
	}
	target := flag.Arg(0)
	switch {
	case *raw:
		c := dial(target)
		for _, a := range flag.Args()[1:] {
			packet, err := strconv.Unquote(`"` + a + `"`)
			if err != nil {
				fail(fmt.Errorf("%s: %w", a, err))
			}
			write(c, []byte(packet))
		}
		fail(c.Close())
	case *told:
		fail(events(target))
	case *flood > 0:
		sent := floodFor(target, *prefix, *flood)
		fmt.Println(sent)
	case *series > 0:
		manySeries(target, *prefix, *series)
	default:
		fail(one(target, *prefix))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// one sends 10 of each type by the client.
func one(target, prefix string) error {
	c, err := statsd.New(target, statsd.WithNamespace(prefix), statsd.WithTags([]string{"env:e2e", "client:datadog"}),
		statsd.WithoutTelemetry())
	if err != nil {
		return err
	}
	for i := 1; i <= 10; i++ {
		v := float64(i)
		for _, err := range []error{
			c.Incr("count", nil, 1), c.Gauge("gauge", 32.5+v, nil, 1), c.TimeInMilliseconds("timing", v, nil, 1),
			c.Histogram("histogram", v, nil, 1), c.Distribution("distribution", v, nil, 1), c.Set("set", strconv.Itoa(i%3), nil,
				1),
		} {
			if err != nil {
				return err
			}
		}
	}
	if err := c.SimpleEvent("deployed", "version 2\nby the test"); err != nil {
		return err
	}
	if err := c.SimpleServiceCheck("alive", statsd.Ok); err != nil {
		return err
	}
	return c.Close()
}

// events sends an event with all it can have and one with nothing, and a check
// that is ok, then critical twice.
func events(target string) error {
	c, err := statsd.New(target, statsd.WithTags([]string{"env:e2e"}), statsd.WithoutTelemetry())
	if err != nil {
		return err
	}
	e := statsd.NewEvent("deployed é", "version 2\nby the test | with m: and more")
	e.Timestamp = time.Unix(1_700_000_000, 0)
	e.Hostname, e.AggregationKey, e.SourceTypeName = "box", "deploys", "ci"
	e.Priority, e.AlertType, e.Tags = statsd.Low, statsd.Success, []string{"version:2", "canary"}
	check := statsd.NewServiceCheck("db.up", statsd.Critical)
	check.Message, check.Hostname, check.Tags = "no route\nto m:host", "box", []string{"shard:1"}
	fine := *check
	fine.Status, fine.Message = statsd.Ok, ""
	for _, err := range []error{c.Event(e), c.SimpleEvent("plain", "text"), c.ServiceCheck(&fine), c.Flush()} {
		if err != nil {
			return err
		}
	}
	for range 2 {
		if err := c.ServiceCheck(check); err != nil {
			return err
		}
	}
	return c.Close()
}

func dial(target string) net.Conn {
	network, address := "udp", target
	if n, path, ok := strings.Cut(target, "://"); ok {
		network, address = map[string]string{"unixgram": "unixgram", "unix": "unixgram", "unixstream": "unix"}[n], path
	}
	c, err := net.Dial(network, address)
	fail(err)
	return c
}

func write(c net.Conn, packet []byte) {
	if c.RemoteAddr().Network() == "unix" { // a stream's packets are separated by newlines here
		packet = append(packet, '\n')
	}
	for {
		_, err := c.Write(packet)
		if err == nil {
			return
		}
		if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
			fail(err)
		}
	}
}

// floodFor sends packets of 19 lines and returns how many lines the kernel took.
func floodFor(target, prefix string, d time.Duration) int {
	c := dial(target)
	defer c.Close()
	packet := []byte(strings.TrimSuffix(strings.Repeat(prefix+"flood:1|c|#env:e2e\n", 19), "\n"))
	sent := 0
	for end := time.Now().Add(d); time.Now().Before(end); {
		for range 64 {
			if _, err := c.Write(packet); err == nil {
				sent += 19
			}
		}
	}
	return sent
}

func manySeries(target, prefix string, n int) {
	c := dial(target)
	defer c.Close()
	var packet []byte
	for i := range n {
		packet = fmt.Appendf(packet, "%sseries:1|c|#n:%d\n", prefix, i)
		if i%20 == 19 || i == n-1 {
			write(c, packet[:len(packet)-1])
			packet = packet[:0]
			time.Sleep(50 * time.Microsecond)
		}
	}
}
