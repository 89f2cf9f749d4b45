package lockfile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestHold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("held twice: %v", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Hold(dir)
	if err != nil {
		t.Fatalf("after Release: %v", err)
	}
	again.Release()
	if err := (*Lock)(nil).Release(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(file); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("a file is no directory: %v", err)
	}
}

// A process that is killed leaves its file and no lock.
func TestHoldAfterAKill(t *testing.T) {
	dir := t.TempDir()
	if at := os.Getenv("DAYTWO_TEST_HOLD"); at != "" {
		if _, err := Hold(at); err != nil {
			t.Fatal(err)
		}
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestHoldAfterAKill$")
	cmd.Env = append(os.Environ(), "DAYTWO_TEST_HOLD="+dir)
	if err := cmd.Run(); err == nil {
		t.Fatal("it was not killed")
	}
	if _, err := os.Stat(filepath.Join(dir, Name)); err != nil {
		t.Error(err)
	}
	l, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
}

func TestWait(t *testing.T) {
	dir := t.TempDir()
	first, err := Wait(dir)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan *Lock)
	go func() {
		l, err := Wait(dir)
		if err != nil {
			t.Error(err)
		}
		second <- l
	}()
	select {
	case <-second:
		t.Fatal("two have the directory")
	case <-time.After(100 * time.Millisecond):
	}
	first.Release()
	select {
	case l := <-second:
		l.Release()
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for ever")
	}
	if _, err := Wait(filepath.Join(dir, "none")); err == nil {
		t.Error("there is no such directory")
	}
}
