package launcher

import (
	"slices"
	"testing"
)

// A helper has the settings of the Go runtime, and nothing else of the launcher's.
func TestRuntimeEnvironment(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=50")
	t.Setenv("GODEBUG", "")
	t.Setenv("DAYTWO_TOKEN", "secret")
	got := runtimeEnvironment()
	if !slices.Contains(got, "GOMAXPROCS=1") || !slices.Contains(got, "GORACE=atexit_sleep_ms=50") ||
		slices.Contains(got, "DAYTWO_TOKEN=secret") || len(got) > 4 {
		t.Errorf("%q", got)
	}
}
