package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/collector/shipping"
)

// shipJournal sends the entries of a directory to a JetStream stream: by daytwo, and as
// JSON of go-systemd's sdjournal, a message each.
func shipJournal(r *report, dir string) error {
	r.printf("\nFrom the files to a JetStream stream on disk, until the last acknowledgement; the NATS server runs in " +
		"the same process and is part of the CPU.\n\n" +
		"| shipper | entries/s | CPU for 1 million | of daytwo's time | bytes an entry |\n|---|---:|---:|---:|---:|\n")
	var own journalResult
	line := func(name string, ship func(*nats.Conn, jetstream.JetStream) error) error {
		size := uint64(0)
		x, err := measureJournal(name, func() (int, error) {
			return journalEntries, withStream(func(conn *nats.Conn, js jetstream.JetStream, s jetstream.Stream) error {
				if err := ship(conn, js); err != nil {
					return err
				}
				info, err := s.Info(context.Background())
				if err == nil {
					size = info.State.Bytes
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		if own.wall == 0 {
			own = x
		}
		r.printf("| %s | %.0f | %.2f s | %.1f | %.1f |\n", name, float64(x.entries)/x.wall.Seconds(),
			x.cpu.Seconds()*1e6/float64(x.entries), float64(x.wall)/float64(own.wall), float64(size)/float64(x.entries))
		return nil
	}
	err := line("daytwo", func(conn *nats.Conn, _ jetstream.JetStream) error { return shipOwn(conn, dir) })
	if err != nil {
		return err
	}
	bin, err := buildSdjournal(dir)
	if err != nil {
		r.printf("| go-systemd's sdjournal, json | failed: %v | | | |\n", err)
		return nil
	}
	defer os.Remove(bin)
	return line("go-systemd's sdjournal and encoding/json, nats.go's async publishing",
		func(_ *nats.Conn, js jetstream.JetStream) error {
			return shipLines(js, exec.Command(bin, dir))
		})
}

// withStream calls f with a new server that has a stream of logs.
func withStream(f func(*nats.Conn, jetstream.JetStream, jetstream.Stream) error) error {
	dir, err := os.MkdirTemp("", "daytwo-peers-nats-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	quiet := slog.New(slog.DiscardHandler)
	srv, err := embedded.Start(embedded.Options{StoreDir: dir, Log: quiet})
	if err != nil {
		return err
	}
	defer srv.Close()
	conn, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: quiet})
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		return err
	}
	s, err := bus.EnsureLogsStream(context.Background(), js, bus.Config{Cluster: "c", MaxBytes: 4 << 30})
	if err != nil {
		return err
	}
	return f(conn, js, s)
}

func shipOwn(conn *nats.Conn, dir string) error {
	quiet := slog.New(slog.DiscardHandler)
	data, err := os.MkdirTemp("", "daytwo-peers-position-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	node := logs.New(logs.Options{Agent: "a", Dirs: []string{dir}, Log: quiet})
	defer node.Close()
	s, err := shipping.New(shipping.Options{Conn: conn, Agent: "a", Stream: bus.Config{Cluster: "c"}, Logs: node,
		Dir:   data,
		Since: 365 * 24 * time.Hour, Log: quiet})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	go s.Run(ctx)
	for s.Stats().Read < journalEntries && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(ctx); err != nil {
		return err
	}
	if st := s.Stats(); st.Stored != journalEntries {
		return fmt.Errorf("%+v", st)
	}
	return nil
}

// shipLines publishes what a command prints, a message a line.
func shipLines(js jetstream.JetStream, cmd *exec.Cmd) error {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	subject := bus.Logs("c", "a", 1)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && err == nil {
		_, err = js.PublishAsync(subject, append([]byte(nil), lines.Bytes()...))
	}
	if err != nil {
		cmd.Process.Kill()
	}
	if e := cmd.Wait(); err == nil {
		err = e
	}
	<-js.PublishAsyncComplete()
	return err
}

// buildSdjournal builds the program that reads by go-systemd's sdjournal.
func buildSdjournal(dir string) (bin string, err error) {
	bin = filepath.Join(dir, "..", filepath.Base(dir)+".sdjournal")
	build := exec.Command("go", "build", "-o", bin, "./sdjournal")
	build.Dir = os.Getenv("DAYTWO_PEERS")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it needs cgo and libsystemd-dev: %s",
			strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; "))
	}
	return bin, nil
}
