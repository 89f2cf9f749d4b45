package rig

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that notes how it was ended.
type recorder struct {
	testing.TB
	fatal, skipped string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = format
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = format
	runtime.Goexit()
}

// ends runs f to its end.
func ends(f func(t testing.TB)) *recorder {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestMissing(t *testing.T) {
	missing := func(t testing.TB) { Missing(t, "p", "no p", "apt-get install p") }
	t.Setenv("DAYTWO_REQUIRE", "")
	if r := ends(missing); r.skipped == "" || r.fatal != "" {
		t.Errorf("without DAYTWO_REQUIRE: %+v", r)
	}
	t.Setenv("DAYTWO_REQUIRE", "1")
	if r := ends(missing); r.skipped != "" || r.fatal == "" {
		t.Errorf("with DAYTWO_REQUIRE: %+v", r)
	}
}

// A test may not say that the kernel lacks what it has.
func TestKernelLacks(t *testing.T) {
	for _, require := range []string{"", "1"} {
		t.Setenv("DAYTWO_REQUIRE", require)
		here := Feature{"here", func() bool { return true }}
		if r := ends(func(t testing.TB) { KernelLacks(t, here, errors.New("refused")) }); r.fatal == "" {
			t.Errorf("a feature that is present: %+v", r)
		}
		gone := Feature{"gone", func() bool { return false }}
		if r := ends(func(t testing.TB) { KernelLacks(t, gone, errors.New("refused")) }); r.skipped == "" {
			t.Errorf("a feature that is absent: %+v", r)
		}
	}
}

func TestFeatures(t *testing.T) {
	for f, want := range map[*Feature]bool{
		ptr(Filesystem("proc")): true, ptr(Filesystem("pro")): false,
		ptr(Function("schedule")): true, ptr(Function("no_such_function")): false,
		ptr(Built("CONFIG_NO_SUCH_OPTION")):   false,
		ptr(CgroupV1("no-such-controller")):   false,
		ptr(Controller("no-such-controller")): false,
	} {
		if got := f.Present(); got != want {
			t.Errorf("%s: %v, want %v", f.Name, got, want)
		}
	}
	if config, _ := kernelConfig(); len(config) > 0 && !Built("CONFIG_CGROUPS").Present() {
		t.Errorf("no CONFIG_CGROUPS in %d bytes", len(config))
	}
	if !CgroupV2.Present() && !CgroupV1("memory").Present() && !CgroupV1("cpu").Present() {
		t.Error("no cgroup hierarchy at all: " + strings.Join(hierarchies(), " "))
	}
}

func ptr(f Feature) *Feature { return &f }
