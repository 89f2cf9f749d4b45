package sinks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/fluentd"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// fluentServer starts the server of npm's @fluent-org/logger.
func fluentServer(t *testing.T, address, out string, security ...string) *rig.Process {
	t.Helper()
	modules := rig.NodeModules(t, "fluent", "@fluent-org/logger@1.0.10")
	_, p, _ := net.SplitHostPort(address)
	cmd := exec.Command("node", append([]string{filepath.Join("testdata", "fluentserver.js"), p, out}, security...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	process := rig.StartProcess(t, cmd)
	rig.Eventually(t, 30*time.Second, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	})
	return process
}

// entries returns the ids of the records that the server wrote, once there are n.
func entries(t *testing.T, out string, n int) (all []string) {
	t.Helper()
	rig.Eventually(t, 20*time.Second, func() error {
		b, _ := os.ReadFile(out)
		if got := bytes.Count(b, []byte("\n")); got != n {
			return fmt.Errorf("%d records, want %d", got, n)
		}
		all = nil
		for line := range bytes.Lines(b) {
			var e struct {
				Tag     string
				Seconds int64
				Record  struct{ ID string }
			}
			if err := json.Unmarshal(line, &e); err != nil || e.Seconds == 0 || e.Tag != "daytwo" {
				return fmt.Errorf("%w: %.300s", err, line)
			}
			all = append(all, e.Record.ID)
		}
		return nil
	})
	return all
}

// L-A21 with a real server: with a shared key and a user, and over its restart between two
// chunks.
func TestLA21FluentServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, out := rig.FreePort(t), filepath.Join(dir, "out.jsonl")
	secret := func(name, value string) sink.File {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return sink.File(path)
	}
	key, password := secret("key", "shared secret"), secret("password", "hush")
	p := fluentServer(t, address, out, "shared secret", "shipper", "hush")
	for name, c := range map[string]fluentd.Config{
		"a wrong key":      {Address: address, SharedKey: secret("wrong", "other"), User: "shipper", Password: password},
		"a wrong password": {Address: address, SharedKey: key, User: "shipper", Password: secret("wrong2", "other")},
		"no user":          {Address: address, SharedKey: key},
	} {
		if err := open(t, &c).Test(t.Context()); err == nil || !strings.Contains(err.Error(), "handshake") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := open(t, &fluentd.Config{Address: address, SharedKey: key, User: "shipper", Password: password})
	if err := s.Test(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch := append(testlog.Records(0, 500), testlog.Odd()...)
	delivered(t, s.Write(t.Context(), batch))
	for i, id := range entries(t, out, len(batch)) {
		if id != batch[i].ID {
			t.Fatalf("record %d has the id %s", i, id)
		}
	}
	p.Kill()
	if res := s.Write(t.Context(), testlog.Records(600, 10)); len(res.Retry) != 10 {
		t.Errorf("no server: %+v", res)
	}
	fluentServer(t, address, out, "shared secret", "shipper", "hush")
	delivered(t, s.Write(t.Context(), testlog.Records(600, 10)))
	entries(t, out, len(batch)+10)
}
