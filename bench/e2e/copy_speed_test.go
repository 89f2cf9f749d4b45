package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// The same bytes are copied by 'daytwo task cp' and 'docker cp', and printed by 'daytwo task exec' and
// 'docker exec', in turn, and the log has how fast. With DAYTWO_COPY_SPEED these are 1 GB and 10,000 files,
// which takes a minute and 4 GB of memory.
func TestCopySpeed(t *testing.T) {
	size, files := 20_000_000, 200
	if os.Getenv("DAYTWO_COPY_SPEED") != "" {
		size, files = 1_000_000_000, 10_000
	}
	program := rig.Binary(t)
	docker := rig.Docker(t)
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "1s", "--no-bpf"},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	name := rig.UniqueName("speed")
	docker.Run(t, rig.Spec{Name: name, Args: []string{"--tmpfs", "/mem"}})
	f := &sessionFixture{T: t, program: program, container: name, d: d}
	rig.Eventually(t, 20*time.Second, func() error {
		if _, errs, status := f.run("", "task", "exec", name, "true"); status != 0 {
			return fmt.Errorf("%s", errs)
		}
		return nil
	})
	dir, err := os.MkdirTemp("/dev/shm", "daytwo-copy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f.shell(dir, fmt.Sprintf("head -c %d /dev/urandom >big; mkdir small; cd small; "+
		"for i in $(seq %d); do echo $i >$i; done", size, files))
	cli := func(args ...string) *exec.Cmd {
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+docker.Socket)
		return cmd
	}
	ours := func(args ...string) *exec.Cmd { return f.command(args...) }
	for _, c := range []struct {
		what  string
		bytes int
		cmd   func() *exec.Cmd
	}{
		{"daytwo task cp in", size, func() *exec.Cmd { return ours("task", "cp", dir+"/big", name+":/mem/big") }},
		{"docker cp in", size, func() *exec.Cmd { return cli("cp", dir+"/big", name+":/big") }},
		{"daytwo task cp out", size, func() *exec.Cmd { return ours("task", "cp", name+":/mem/big", dir+"/out") }},
		{"docker cp out", size, func() *exec.Cmd { return cli("cp", name+":/big", dir+"/out2") }},
		{"daytwo task exec cat", size, func() *exec.Cmd { return ours("task", "exec", name, "cat", "/mem/big") }},
		{"docker exec cat", size, func() *exec.Cmd { return cli("exec", name, "cat", "/mem/big") }},
		{"daytwo task cp in, many files", 0, func() *exec.Cmd { return ours("task", "cp", dir+"/small", name+":/mem/s") }},
		{"docker cp in, many files", 0, func() *exec.Cmd { return cli("cp", dir+"/small", name+":/s") }},
		{"daytwo task cp out, many files", 0, func() *exec.Cmd { return ours("task", "cp", name+":/mem/s", dir+"/s") }},
		{"docker cp out, many files", 0, func() *exec.Cmd { return cli("cp", name+":/s", dir+"/s2") }},
	} {
		begun := time.Now()
		cmd := c.cmd()
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		took := time.Since(begun)
		t.Logf("%-32s %6.2f s  %4.0f MB/s", c.what, took.Seconds(), float64(c.bytes)/1e6/took.Seconds())
	}
	f.shell(dir, fmt.Sprintf("cmp big out; test $(ls s | wc -l) = %d", files))
}
