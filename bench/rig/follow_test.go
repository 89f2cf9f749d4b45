package rig

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const following = "DAYTWO_TEST_FOLLOWING"

// What a test follows ends with the process of the test, whatever ends that: a test binary
// that exceeds its time runs no cleanup.
func TestFollowEndsWithTheProcess(t *testing.T) {
	if os.Getenv(following) == "1" {
		_, out := Follow(t, exec.Command("sh", "-c", "echo $$; exec sleep 1000"))
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("follows " + line)
		select {}
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.timeout=1s")
	cmd.Env = append(os.Environ(), following+"=1")
	b, err := cmd.CombinedOutput()
	_, rest, _ := strings.Cut(string(b), "follows ")
	line, _, _ := strings.Cut(rest, "\n")
	pid, perr := strconv.Atoi(line)
	if err == nil || perr != nil || !strings.Contains(string(b), "test timed out after") {
		t.Fatalf("%v, %v\n%s", err, perr, b)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	Eventually(t, 5*time.Second, func() error {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			return fmt.Errorf("process %d still runs: %v", pid, err)
		}
		return nil
	})
}
