package sinks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// A real Redis that is killed three times under load: nothing is lost, order holds, and what
// comes twice has the same id.
func TestRedisIsKilled(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		rig.Missing(t, "redis-server", err.Error(), "apt-get install redis-server")
	}
	b := newBroker(t)
	address, dir := rig.FreePort(t), t.TempDir()
	_, port, _ := net.SplitHostPort(address)
	start := func() *rig.Process {
		return rig.StartProcess(t, exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--dir", dir))
	}
	p := start()
	m := manage(t, b, "relay1", t.TempDir(), fmt.Sprintf(`sinks:
  - {name: r, redis: {addresses: ["%s"]}, retry: {min: 20ms, max: 100ms}, batch: {records: 100, wait: 5ms}}
`, address))
	const total = 20_000
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		b.lines(0, total-1)
	}()
	for i := range 3 {
		m.until("r", func(s query.Sink) bool { return s.Delivered >= uint64(i+1)*4000 })
		p.Kill()
		m.until("r", func(s query.Sink) bool { return s.State == "failing" })
		p = start()
	}
	<-sent
	m.until("r", func(s query.Sink) bool { return s.Delivered == total && s.State == "running" })
	c := redis.NewClient(&redis.Options{Addr: address})
	defer c.Close()
	all, err := c.LRange(t.Context(), "logstash", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	next, again := 0, 0
	for i, text := range all {
		var d struct{ ID, Message string }
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if seen[d.ID] {
			again++
			continue
		}
		seen[d.ID] = true
		if d.Message != fmt.Sprint("line ", next) {
			t.Fatalf("entry %d is %q, want line %d", i, d.Message, next)
		}
		next++
	}
	if next != total || again > 3*100 {
		t.Errorf("%d different lines, %d came again", next, again)
	}
}

// The document's examples are valid.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/sinks.md")
	if err != nil {
		t.Fatal(err)
	}
	secret := t.TempDir() + "/secret"
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for i, block := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "sinks:") {
			text = "sinks:\n" + text
		}
		text = regexp.MustCompile(`tls: \{ca_file: [^}]+\}`).ReplaceAllString(text, "tls: {}") // files are not here
		text = regexp.MustCompile(`_file: [^,}\s]+`).ReplaceAllString(text, "_file: "+secret)
		f, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("example %d: %v\n%s", i+1, err, text)
			continue
		}
		for j := range f.Sinks {
			name, _, _ := f.Sinks[j].typ()
			found[name] = true
		}
	}
	for _, name := range []string{"elasticsearch", "file", "fluentd", "kafka", "loki", "otlp", "redis", "splunk",
		"syslog"} {
		if !found[name] {
			t.Errorf("no example of %s", name)
		}
	}
	var page2 bytes.Buffer
	(&Manager{}).WriteMetrics(&page2)
	for line := range strings.Lines(page2.String()) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if !strings.Contains(string(page), strings.TrimPrefix(name, "daytwo_relay_")) {
				t.Errorf("the page does not name %s", name)
			}
		}
	}
}
