package rig

import (
	"os/exec"
	"testing"
	"time"
)

// A process that sleeps waits for no processor; one that shares its processor with another
// waits for about half of the time.
func TestRunDelay(t *testing.T) {
	sleeping := exec.Command("sleep", "1000")
	if err := sleeping.Start(); err != nil {
		t.Fatal(err)
	}
	const during = time.Second
	var asleep, busy time.Duration
	asleep = RunDelay(sleeping.Process.Pid, func() { time.Sleep(during) })
	sleeping.Process.Kill()
	sleeping.Wait()
	loop := []string{"-c", "0", "sh", "-c", "while :; do :; done"}
	var both [2]*exec.Cmd
	for i := range both {
		both[i] = exec.Command("taskset", loop...)
		if err := both[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	busy = RunDelay(both[0].Process.Pid, func() {
		time.Sleep(during)
		both[0].Process.Kill()
		both[0].Wait()
		time.Sleep(during / 5)
	})
	both[1].Process.Kill()
	both[1].Wait()
	t.Logf("asleep %v, busy %v", asleep, busy)
	if busy < during/4 || busy < asleep {
		t.Errorf("it waited for %v of %v, want about half; one that sleeps %v", busy, during, asleep)
	}
}
