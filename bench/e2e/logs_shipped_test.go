package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// What is shipped reaches a file and a Redis list, whole and in order, while the relay is
// killed three times. What comes twice has the same id.
func TestShippedLogsSurviveKills(t *testing.T) {
	rig.Binary(t)
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, err.Error(), "apt-get install redis-server")
		}
	}
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		rig.StartJournald(t, "")
		address := rig.FreePort(t)
		_, port, _ := net.SplitHostPort(address)
		redis := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
		redis.Dir = t.TempDir()
		rig.StartProcess(t, redis)
		c := newCluster(t)
		c.startNATS(t)
		file, sinks := filepath.Join(c.dir, "shipped.json"), filepath.Join(c.dir, "sinks.yaml")
		config := fmt.Sprintf(`sinks:
  - name: file
    file: {path: %s}
    filter: {identifier: [fleet], no_events: true}
  - name: elk
    redis: {addresses: ["%s"]}
    filter: {identifier: [fleet], no_events: true}
`, file, address)
		if err := os.WriteFile(sinks, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		collector := rig.Start(t, rig.Options{Program: "collector",
			Args: []string{"--nats", "nats://" + c.nats, "--interval", "500ms", "--no-bpf", "--ship-logs"}})
		relay := rig.StartReady(t, rig.Options{Program: "relay",
			Args: []string{"--nats", "nats://" + c.nats, "--sinks", sinks}})
		fromFile := func() []byte {
			b, _ := os.ReadFile(file) // it is not there before the first line
			return b
		}
		fromRedis := func() []byte {
			out, err := exec.Command("redis-cli", "-p", port, "--raw", "lrange", "logstash", "0", "-1").Output()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		const lines = 3000
		for i := range lines {
			if i%1000 == 500 {
				relay.Kill()
			}
			if i%1000 == 600 {
				relay.Restart(t)
			}
			send(t, strconv.Itoa(i))
		}
		for name, read := range map[string]func() []byte{"file": fromFile, "redis": fromRedis} {
			var got shipped
			rig.Eventually(t, 40*time.Second, func() error {
				got = shippedOf(t, read())
				if got.lines < lines {
					return fmt.Errorf("%s: %d lines of %d", name, got.lines, lines)
				}
				return nil
			})
			if got.lines != lines || got.disordered > 0 {
				t.Errorf("%s: %+v, want %d lines in order", name, got, lines)
			}
			t.Logf("%s: %d lines, %d of them again", name, got.lines, got.again)
		}
		collector.Stop(t)
		relay.Stop(t)
	})
}

// shipped is what a receiver has got.
type shipped struct {
	lines      int // that have ids of their own
	again      int // that came with the id of one before
	disordered int // whose number is not the next
}

func shippedOf(t *testing.T, text []byte) (s shipped) {
	t.Helper()
	messages := map[string]string{} // by id
	for line := range bytes.Lines(text) {
		var r struct{ ID, Cursor, Message string }
		if !bytes.HasSuffix(line, []byte("}\n")) {
			continue // it is being written, or redis-cli ends the list
		}
		if err := json.Unmarshal(line, &r); err != nil || r.ID == "" || r.Cursor == "" {
			t.Fatalf("%v in %q", err, line)
		}
		if m, ok := messages[r.ID]; ok {
			if m != r.Message {
				t.Errorf("%q and %q have the same id", m, r.Message)
			}
			s.again++
			continue
		}
		messages[r.ID] = r.Message
		if r.Message != strconv.Itoa(s.lines) {
			s.disordered++
		}
		s.lines++
	}
	return s
}
