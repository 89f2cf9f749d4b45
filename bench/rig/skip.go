package rig

import (
	"os"
	"testing"
)

// Missing ends a test that needs a part which is not here: a program, a privilege,
// a device. It skips the test, saying what to install; with DAYTWO_REQUIRE=1, as
// in CI, it fails the test.
func Missing(t testing.TB, part, why, install string) {
	t.Helper()
	if os.Getenv("DAYTWO_REQUIRE") == "1" {
		t.Fatalf("missing part %s: %s (install: %s)", part, why, install)
	}
	t.Skipf("missing part %s: %s (install: %s)", part, why, install)
}

// KernelLacks skips a test whose code found, as err says, that the running kernel
// has not got a feature. It fails the test if the kernel has the feature: then the
// code is wrong, whatever DAYTWO_REQUIRE says.
func KernelLacks(t testing.TB, f Feature, err error) {
	t.Helper()
	if f.Present() {
		t.Fatalf("there is %s here, yet: %v", f.Name, err)
	}
	t.Skipf("there is no %s here: %v", f.Name, err)
}

// Need ends a test through KernelLacks if the running kernel has not got a feature.
func Need(t testing.TB, f Feature) {
	t.Helper()
	if !f.Present() {
		t.Skipf("there is no %s here", f.Name)
	}
}

// NeedRoot ends a test through Missing if it does not run as root; what names
// the thing that takes root.
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root", what+" takes root", "run the tests as root")
	}
}

// SkippedElsewhere skips a test that was skipped, through this package, in another
// process or a virtual machine; output is what it printed there.
func SkippedElsewhere(t testing.TB, output string) {
	t.Helper()
	t.Skip(output)
}
