package sinks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

// The commands of "daytwo sink" and the metrics, while sinks are added, changed and removed in
// the file of a running relay, and while it has a mistake.
func TestCommands(t *testing.T) {
	t.Parallel()
	s, dir := newStream(t), t.TempDir()
	path := filepath.Join(dir, "sinks.yaml")
	out := func(name string) string { return filepath.Join(dir, name, "out.jsonl") }
	one := func(name, more string) string {
		return fmt.Sprintf("  - name: %s\n    file: {path: %s%s}\n", name, out(name), more) +
			"    retry: {min: 20ms, max: 100ms}\n    batch: {wait: 20ms}\n"
	}
	configure(t, path, "sinks:\n"+one("a", ""))
	d := s.relayOf(t, path)
	command := func(args ...string) string { return d.Client(t, append([]string{"sink"}, args...)...) }
	fails := func(args ...string) string {
		t.Helper()
		all := slices.Concat([]string{"sink"}, args, []string{"--url", d.Relay.URL, "--token", d.Relay.Token})
		b, err := exec.Command(rig.Binary(t), all...).CombinedOutput()
		if err == nil {
			t.Errorf("daytwo sink %q succeeds", args)
		}
		return string(b)
	}
	says := func(text string, patterns ...string) {
		t.Helper()
		for _, p := range patterns {
			if !regexp.MustCompile("(?m)" + p).MatchString(text) {
				t.Errorf("%s is not in\n%s", p, text)
			}
		}
	}
	has := func(name string, want int) {
		t.Helper()
		rig.Eventually(t, 20*time.Second, func() error {
			if b, _ := os.ReadFile(out(name)); strings.Count(string(b), "\n") != want {
				return fmt.Errorf("%s: %d lines, want %d", name, strings.Count(string(b), "\n"), want)
			}
			return nil
		})
	}
	gauge := func(name string) string {
		text := d.Relay.MustGet(t, "/metrics")
		m := regexp.MustCompile(`(?m)^daytwo_relay_` + name + ` (\S+)$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in\n%s", name, text)
		}
		return m[1]
	}

	// Its directory is missing: nothing is delivered, and it is said how far behind it is.
	s.publish(testlog.Records(0, 100)...)
	until(t, d, "a", 20*time.Second, func(v v1.Sink) bool {
		return v.State == "failing" && v.Pending == 1 && v.Behind > 0
	})
	says(command("list"), `^a +file +failing +0 .*no such file`)
	says(fails("test", "a"), "no such file")
	if gauge(`sink_up{sink="a",type="file"}`) != "0" || gauge(`sink_pending_messages{sink="a",type="file"}`) != "1" ||
		gauge(`sink_behind_seconds{sink="a",type="file"}`) == "0" {
		t.Error("the metrics do not tell")
	}
	for _, name := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Dir(out(name)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	has("a", 100)
	until(t, d, "a", 20*time.Second, func(v v1.Sink) bool {
		return v.State == "running" && v.Pending == 0 && v.Behind == 0
	})
	says(command("list", "-o", "wide"), `^NAME .*BEHIND.*TARGET`, `^a +file +running +100 +0s`)
	says(command("test", "a"), "a: ok")
	if gauge(`sink_up{sink="a",type="file"}`) != "1" {
		t.Error("the metrics do not tell")
	}

	says(command("pause", "a"), "a: paused")
	s.publish(testlog.Records(100, 50)...)
	says(command("list"), `^a +file +paused +100 `)
	says(command("resume", "a"), "a: resumed")
	has("a", 150)
	says(command("reset", "a", "--to", "start"), "moved")
	has("a", 300)
	says(fails("reset", "a"), "--to")
	says(fails("pause", "nobody"), "nobody")
	if text := command("dead", "a"); text != "" {
		t.Errorf("dead letters: %s", text)
	}

	// A mistake changes nothing; then a sink is added, one changed, and one removed.
	configure(t, path, "sinks:\n"+one("a", "")+one("b", ", colour: red"))
	rig.Eventually(t, 20*time.Second, func() error {
		if gauge("sinks_config_ok") != "0" {
			return errors.New("the mistake is not noticed")
		}
		return nil
	})
	says(command("list"), "is refused, the previous one is in use: .*colour", `^a +file +running`)
	s.publish(testlog.Records(200, 10)...)
	has("a", 310)
	configure(t, path, "sinks:\n"+one("a", "")+one("b", ""))
	has("b", 160)
	if n := state(t, d, "a").Delivered; n != 310 {
		t.Errorf("a sink that was not changed begins to count anew: %d", n)
	}
	configure(t, path, "sinks:\n"+one("b", ", no_sync: true"))
	rig.Eventually(t, 20*time.Second, func() error {
		anew := regexp.MustCompile(`(?m)^b +file +running +0 `)
		if text := command("list"); strings.Contains(text, "\na ") || !anew.MatchString(text) {
			return errors.New(text)
		}
		return nil
	})
	s.publish(testlog.Records(300, 10)...)
	has("b", 170)
	has("a", 310)
	configure(t, path, "sinks:\n"+one("a", "")) // it goes on where it was
	has("a", 320)
	d.Stop(t)
}
