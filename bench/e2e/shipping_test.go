package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// What a task prints comes to a sink with its origin tags and redacted, all of it,
// although everything is killed in mid-stream; what comes twice has the same id.
func TestShipping(t *testing.T) {
	program := rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		rig.StartJournald(t, "")
		dir := t.TempDir()
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		out := filepath.Join(dir, "out.jsonl")
		rules := write("rules.yaml", "filter: [keep: {container: web}, drop: {}]\nredact: [{known: email}]")
		sinks := write("sinks.yaml", "sinks: [{name: f, file: {path: "+out+"}, batch: {wait: 50ms}}]")
		d := rig.StartReady(t, rig.Options{Args: []string{"--ship-logs", "--ship-rules", rules, "--sinks", sinks,
			"--no-bpf"}})
		const lines = 20_000
		restarted := filepath.Join(dir, "restarted") // 'daytwo run' tells the collector when the task ends
		task := exec.Command(program, "run", "--name", "web", "--socket", filepath.Join(d.Data, launch.SocketName), "--",
			"sh", "-c",
			"for i in $(seq "+strconv.Itoa(lines)+"); do echo $i from jo@example.com; done; until [ -e "+restarted+" ]; do "+
				"sleep .1; done")
		var said bytes.Buffer
		task.Stderr = &said
		run := rig.StartProcess(t, task)
		delivered := func() (n int) {
			text, _ := os.ReadFile(out)
			return strings.Count(string(text), "\n")
		}
		rig.Eventually(t, time.Minute, func() error {
			if n := delivered(); n < 1000 {
				return fmt.Errorf("%d lines are delivered\n%s", n, d.Log())
			}
			return nil
		})
		d.Kill()
		d.Restart(t)
		write("restarted", "")
		if err := run.Wait(t, time.Minute); err != nil {
			t.Errorf("%v: %s", err, said.String())
		}
		var ids map[int]string
		rig.Eventually(t, time.Minute, func() error {
			ids = map[int]string{}
			text, err := os.ReadFile(out)
			if err != nil {
				return err
			}
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				if err := note(ids, line); err != nil {
					return err
				}
			}
			if len(ids) < lines {
				return fmt.Errorf("%d of %d lines", len(ids), lines)
			}
			return nil
		})
		t.Logf("%d lines, delivered %d times", len(ids), delivered())
		d.Stop(t)
	})
}

// note notes the id of a delivered line by its number.
func note(ids map[int]string, line string) error {
	var e struct {
		ID, Message string
		Container   string `json:"container_id"`
		Task        string `json:"task_name"`
		Agent       string `json:"agent_id"`
		Event       string
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if e.Event != "" {
		return nil
	}
	number, rest, _ := strings.Cut(e.Message, " ")
	n, err := strconv.Atoi(number)
	if err != nil || rest != "from [redacted]" || e.Container == "" || e.Task != "web" || e.Agent == "" {
		return fmt.Errorf("it is %s", line)
	}
	if was := ids[n]; was != "" && was != e.ID {
		return fmt.Errorf("line %d has the ids %s and %s", n, was, e.ID)
	}
	ids[n] = e.ID
	return nil
}
