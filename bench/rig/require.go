package rig

import (
	"os"
	"testing"
)

// Missing ends a test for want of a part: a skip that names the part and what
// to install, or, with DAYTWO_REQUIRE=1 (set in CI), a failure.
func Missing(t testing.TB, part, why, install string) {
	t.Helper()
	if os.Getenv("DAYTWO_REQUIRE") == "1" {
		t.Fatalf("missing part %s: %s (install: %s)", part, why, install)
	}
	t.Skipf("missing part %s: %s (install: %s)", part, why, install)
}

// Unsupported skips a test because this kernel or machine truly lacks a
// feature; it never fails. The caller must have run the code and seen it refused.
func Unsupported(t testing.TB, feature string, err error) {
	t.Helper()
	t.Skipf("not supported here: %s: %v", feature, err)
}

// NeedRoot ends the test through Missing if it does not run as root; what names
// the thing that takes root.
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root", what+" takes root", "run the tests as root")
	}
}
