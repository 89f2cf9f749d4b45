package origin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// Of two collectors in one network namespace, only one hands out the ports. The other
// one reports why it does not and changes nothing. It hands out ports once it is alone.
func TestTwoCollectors(t *testing.T) {
	ports := rig.Ports(t, 300)
	first, last := ports.First, ports.Last
	file := filepath.Join(t.TempDir(), "e.json")
	kept := `[{"container_id":"mine","statsd_host":"127.0.0.1","statsd_port":` + fmt.Sprint(first+107) + `}]`
	if err := os.WriteFile(file, []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	one := newTable(t, Config{Ports: launch.PortRange{First: first, Last: first + 200}})
	two := newTable(t, Config{Ports: launch.PortRange{First: first + 100, Last: last},
		File: file}) // overlapping ranges are enough
	path := startAPI(t, two)
	code, body := ask(t, path, mesos("POST", "/container", `{"container_id":"a"}`))
	if code != 503 || !strings.Contains(body, "--statsd-ports") ||
		!strings.Contains(body, fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("%d %s", code, body)
	}
	if err := two.Refused(); !errors.Is(err, ErrClaimed) {
		t.Errorf("refused: %v", err)
	}
	if c, err := one.Add(launch.Request{ContainerID: "a"}); err != nil || c.StatsdPort != first+1 {
		t.Errorf("the first one gives %+v (%v)", c, err)
	}
	if code, _ := ask(t, path, mesos("DELETE", "/container/mine", "")); code != 404 {
		t.Errorf("delete: %d", code)
	}
	if err := two.Sweep(); err != nil || two.Refused() == nil {
		t.Errorf("while the first one is there: %v, %v", err, two.Refused())
	}
	if b, _ := os.ReadFile(file); string(b) != kept {
		t.Errorf("the file of the endpoints was changed to %s", b)
	}
	beside := newTable(t, Config{Ports: launch.PortRange{First: last + 1, Last: last + 2}})
	if beside.Refused() != nil {
		t.Errorf("ports that nobody has are refused: %v", beside.Refused())
	}

	one.CloseAll()
	if err := two.Sweep(); err != nil || two.Refused() != nil {
		t.Fatalf("alone: %v, %v", err, two.Refused())
	}
	if all := two.Endpoints(); len(all) != 1 || all[0].StatsdPort != first+107 {
		t.Errorf("alone it serves %+v", all)
	}
	if c, err := two.Add(launch.Request{ContainerID: "a"}); err != nil || c.StatsdPort != first+101 {
		t.Errorf("alone it gives %+v (%v)", c, err)
	}
}

// A claim is visible in the whole network namespace. Other sockets are not taken for
// claims.
func TestClaims(t *testing.T) {
	ports := rig.Ports(t, 100)
	c, err := claim(ports)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	find := func() *Claim {
		all, err := Claims()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if o.PortRange == ports {
				return o
			}
		}
		return nil
	}
	for range 3 { // each call leaves a connection for a moment
		if o := find(); o == nil || o.PID != os.Getpid() {
			t.Errorf("found %+v", o)
		}
	}
	c.close()
	if o := find(); o != nil {
		t.Errorf("found %v after its end", o)
	}
	for _, text := range []string{"", "\n", "x", "0: 2 0 00010000 0001 01 7 @daytwo-statsd-ports/",
		"0: 2 0 00010000 0001 01 7 @daytwo-statsd-ports/99999-1/x",
		"0: 2 0 00010000 0001 01 7 @daytwo-statsd-ports/5-6/nobody-listens", "0: 2 0 00000000 0001 03 7 @" + c.name} {
		if all, err := readClaims(strings.NewReader(text)); err != nil || len(all) != 0 {
			t.Errorf("%q: %v (%v)", text, all, err)
		}
	}
}
