package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// TestContainerFromKernelToClient is the main job: a container that has just
// started is shown by name, with the numbers that the kernel's own files have.
func TestContainerFromKernelToClient(t *testing.T) {
	docker := rig.Docker(t)
	d := rig.StartReady(t, rig.Options{Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	relay, node := d.Relay, d.Node

	// It uses some CPU and memory, and then nothing.
	c := docker.Run(t, rig.Spec{Name: rig.UniqueName("web"), Labels: map[string]string{"team": "blue"},
		Args: []string{"--memory=64m"},
		Cmd:  []string{"/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec sleep 1000"}})
	started := time.Now()
	find := func() (v1.Container, error) {
		var answer struct{ Containers []v1.Container }
		relay.MustInto(t, "/api/v1/containers?match="+c.Name, &answer)
		for _, got := range answer.Containers {
			if got.Name == c.Name {
				return got, nil
			}
		}
		return v1.Container{}, fmt.Errorf("%s is not among the containers", c.Name)
	}
	rig.Eventually(t, 3*time.Second, func() error { _, err := find(); return err })
	t.Logf("known by name %v after docker run had returned", time.Since(started).Round(time.Millisecond))

	var got v1.Container
	rig.Eventually(t, 20*time.Second, func() error { // until it is idle
		was := got
		time.Sleep(1100 * time.Millisecond)
		var err error
		if got, err = find(); err == nil && (was.CPUUsage == nil || got.CPUUsage == nil || *was.CPUUsage != *got.CPUUsage) {
			err = fmt.Errorf("%s is not idle yet", c.Name)
		}
		return err
	})
	files := kernelFiles(t, c.Cgroup)
	if want := files("cpuacct.usage", "cpu.stat:usage_usec*1000"); int64(*got.CPUUsage*1e9+0.5)/1000 != want/1000 {
		t.Errorf("CPU time %.9f s, the kernel has %d ns", *got.CPUUsage, want)
	}
	if want := files("memory.usage_in_bytes", "memory.current"); *got.MemoryCurrent != want {
		t.Errorf("memory %d, the kernel has %d", *got.MemoryCurrent, want)
	}
	if want := files("memory.stat:total_rss", "memory.stat:anon"); *got.MemoryAnon != want {
		t.Errorf("anonymous memory %d, the kernel has %d", *got.MemoryAnon, want)
	}
	if *got.MemoryLimit != 64<<20 {
		t.Errorf("memory limit %d, docker was told 64m", *got.MemoryLimit)
	}
	if got.ContainerID != c.ID || got.Runtime != "docker" || got.TaskID != c.ID || got.Labels["team"] != "blue" {
		t.Errorf("identity: %+v", got)
	}

	t.Run("routes", func(t *testing.T) { routes(t, relay, node, c, got) })
	t.Run("top", func(t *testing.T) {
		if out := d.Client(t, "top", "-o", "json"); !strings.Contains(out, c.Name) {
			t.Fatalf("no %s in %s", c.Name, out)
		}
	})
	t.Run("gone", func(t *testing.T) {
		c.Stop()
		gone := time.Now()
		rig.Eventually(t, 2200*time.Millisecond, func() error { // two ticks, and the requests
			for where, a := range map[string]rig.API{"/metrics": node, "/fleet/metrics": relay} {
				if strings.Contains(a.MustGet(t, where), c.ID) {
					return fmt.Errorf("still in %s", where)
				}
			}
			return nil
		})
		t.Logf("out of both expositions %v after docker rm", time.Since(gone).Round(time.Millisecond))
	})
	d.Stop(t)
}

// routes checks every route that shows a container.
func routes(t *testing.T, relay, node rig.API, c *rig.Container, got v1.Container) {
	usage := fmt.Sprintf("name=%q", c.Name)
	for where, a := range map[string]rig.API{"/metrics": node, "/fleet/metrics": relay,
		"/fleet/metrics?agent=" + got.AgentID: relay} {
		found := false
		for line := range strings.Lines(a.MustGet(t, where)) {
			if strings.HasPrefix(line, "container_cpu_usage_seconds_total{") && strings.Contains(line, usage) {
				value, err := strconv.ParseFloat(strings.Fields(line[strings.LastIndexByte(line, '}')+1:])[0], 64)
				if err != nil || value < *got.CPUUsage-1e-9 || value > *got.CPUUsage+1e-9 {
					t.Errorf("%s: %s; the API has %v", where, line, *got.CPUUsage)
				}
				found = true
			}
		}
		if !found {
			t.Errorf("%s has no container_cpu_usage_seconds_total of %s", where, c.Name)
		}
	}
	var ids []string
	relay.MustInto(t, "/system/v1/metrics/v0/containers", &ids)
	ours := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id != c.ID })
	if len(ours) != 1 { // the machine may have other containers
		t.Errorf("DC/OS containers: %v, want %s once", ids, c.ID)
	}
	var dcos v1.Metrics
	relay.MustInto(t, "/system/v1/agent/"+got.AgentID+"/metrics/v0/containers/"+c.ID, &dcos)
	points := map[string]float64{}
	for _, d := range dcos.Datapoints {
		points[d.Name] = d.Value
	}
	if points["mem.limit"] != 64<<20 || points["mem.limit_bytes"] != 64<<20 ||
		points["mem.total"] != float64(*got.MemoryCurrent) || points["cpus.user.time"] != *got.CPUUser {
		t.Errorf("DC/OS datapoints: %v", points)
	}
	var answer struct{ Data v1.Matrix }
	relay.MustInto(t, "/api/v1/query?metric=memory.current&start=-1m&match="+c.Name, &answer)
	if len(answer.Data.Result) != 1 || len(answer.Data.Result[0].Points) < 2 {
		t.Errorf("history: %+v", answer.Data)
	}
	if _, err := (rig.API{URL: relay.URL}).Get("/api/v1/containers"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without the token: %v", err)
	}
	var doc map[string]any
	if err := relay.Into("/api/v1/openapi.json", &doc); err != nil || doc["paths"] == nil {
		t.Errorf("OpenAPI: %v", err)
	}
}

// kernelFiles returns a function that reads a value of a cgroup from the kernel's
// files: of a whole file, or of "file:key", by its name on v1 or on v2.
func kernelFiles(t *testing.T, cgroup string) func(v1, v2 string) int64 {
	t.Helper()
	layout, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	return func(v1, v2 string) int64 {
		t.Helper()
		for _, name := range []string{v1, v2} {
			name, factor, _ := strings.Cut(name, "*")
			file, key, _ := strings.Cut(name, ":")
			for _, m := range layout.Mounts {
				b, err := os.ReadFile(filepath.Join(m.Dir, cgroup, file))
				if err != nil {
					continue
				}
				text := strings.TrimSpace(string(b))
				for line := range strings.Lines(text) {
					if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
						text = v
					}
				}
				v, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					continue // the root of a v2 tree beside v1 ones has files of the same names
				}
				if factor != "" {
					f, _ := strconv.ParseInt(factor, 10, 64)
					v *= f
				}
				return v
			}
		}
		t.Fatalf("neither %s nor %s of %s is there", v1, v2, cgroup)
		return 0
	}
}
