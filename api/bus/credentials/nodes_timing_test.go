package credentials

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
)

// What nodes cost a NATS server, each with a credential of its own over TLS: b.N of them are
// connected at the end. Figures are of the server's process.
func BenchmarkConnectedNodes(b *testing.B) {
	c := newCluster(b)
	dir := b.TempDir()
	cert, key, err := c.Certificate([]string{"127.0.0.1"}, true)
	if err != nil {
		b.Fatal(err)
	}
	listen := rig.FreePort(b)
	_, port, _ := strings.Cut(listen, ":")
	n, _ := strconv.Atoi(port)
	text, err := c.ServerConfig(ServerOptions{
		Name: "n1", Host: "127.0.0.1", Port: n, StoreDir: dir, CA: c.path(CAFile),
		Certificate: put(b, filepath.Join(dir, "crt"), cert), Key: put(b, filepath.Join(dir, "key"), key),
	})
	if err != nil {
		b.Fatal(err)
	}
	srv := rig.StartNATSConfig(b, put(b, filepath.Join(dir, "nats.conf"), []byte(text)), listen)
	files := make([]string, b.N)
	for i := range files {
		agent := fmt.Sprint("node-", i)
		creds, _, err := newUser("node "+agent, c.account, nodeLimits(c.name, agent), time.Now().Add(time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		files[i] = put(b, filepath.Join(dir, agent), creds)
	}
	rss, cpu := used(b, srv.Cmd.Process.Pid)
	conns := make([]*nats.Conn, b.N)
	b.ResetTimer()
	var work sync.WaitGroup
	next := make(chan int)
	for range 16 {
		work.Go(func() {
			for i := range next {
				agent := fmt.Sprint("node-", i)
				nc, err := bus.Connect(bus.ConnectOptions{URLs: "tls://" + listen, Agent: agent, CA: c.path(CAFile),
					Credentials: files[i], Log: slog.New(slog.DiscardHandler)})
				if err == nil {
					_, subscribe := bus.NodeSubjects(c.name, agent)
					for _, s := range subscribe { // as a collector does
						_, _ = nc.SubscribeSync(s)
					}
					err = nc.FlushTimeout(time.Minute)
				}
				if err != nil {
					b.Error(err)
				}
				conns[i] = nc
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	work.Wait()
	b.StopTimer()
	rss2, cpu2 := used(b, srv.Cmd.Process.Pid)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "nodes/s")
	b.ReportMetric(float64(rss2-rss)/1024/float64(b.N), "server-KiB/node")
	b.ReportMetric((cpu2-cpu).Seconds()*1000/float64(b.N), "server-CPU-ms/node")
	for _, nc := range conns {
		nc.Close()
	}
}

// used returns the memory in bytes and the CPU time of a process.
func used(b *testing.B, pid int) (rss int64, cpu time.Duration) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	pages, _ := strconv.ParseInt(f[21], 10, 64)
	return pages * int64(os.Getpagesize()), time.Duration(user+system) * 10 * time.Millisecond
}

// What it costs to enrol one more of 10,000 nodes: the whole list is written each time.
func BenchmarkRedeem(b *testing.B) {
	c := newCluster(b)
	list := make([]Node, 10_000)
	for i := range list {
		n := newNode(fmt.Sprint("node-", i), time.Hour)
		_, n.Key = userKey(b)
		list[i] = n
	}
	if err := c.writeNodes(list); err != nil {
		b.Fatal(err)
	}
	secrets := newCodes(b, c, 1, "", time.Hour)
	_, key := userKey(b)
	for b.Loop() {
		if _, err := c.Redeem(secrets[0], "new", key, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
