package load

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(rig.Main(m))
}

func TestProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	p, err := Start(Work{CPU: 20 * time.Millisecond, Threads: 3, Fork: 2, Anon: 4 << 20, File: file, Size: 3 << 20,
		Cache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != 3<<20 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := p.Wait(); err == nil {
		t.Error("a process that was stopped says that it is ready")
	}
}

func TestProcessSaysWhatFailed(t *testing.T) {
	p, err := Start(Work{Cgroups: []string{"/nowhere"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if err := p.Wait(); err == nil || err == io.EOF {
		t.Errorf("Wait = %v, want what the process said", err)
	}
}
