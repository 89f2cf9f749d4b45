package intake

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// A panic while a path is opened again is reported, and the watch tries again.
func TestPanicInPathWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var panics, reopened atomic.Int64
	w, err := watchPath(path, false, func() error {
		if panics.Load() == 0 {
			panic("of a test")
		}
		reopened.Add(1)
		return os.WriteFile(path, nil, 0o600)
	}, func(over string, value any) {
		if over != "the path of a unix socket" || value != "of a test" {
			t.Errorf("%s: %v", over, value)
		}
		panics.Add(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		if reopened.Load() == 0 {
			return errors.New("the path is not opened again")
		}
		return nil
	})
	if n := panics.Load(); n != 1 {
		t.Errorf("%d panics are reported", n)
	}
}
