package cgroups

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// someDevice returns a block device of this machine.
func someDevice(t testing.TB) Device {
	t.Helper()
	all, _ := os.ReadDir("/sys/dev/block")
	for _, e := range all {
		if d, ok := parseDevice([]byte(e.Name())); ok {
			return d
		}
	}
	rig.Missing(t, "a block device", "/sys/dev/block is empty", "a machine with a disk")
	return Device{}
}

func TestDeviceName(t *testing.T) {
	d := someDevice(t)
	name := DeviceName(d.Major, d.Minor)
	text, err := os.ReadFile(filepath.Join("/sys/class/block", name, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	if back, ok := parseDevice(text[:len(text)-1]); !ok || back != d {
		t.Errorf("DeviceName(%v) = %q, which is %s", d, name, text)
	}
	if name := DeviceName(4095, 1<<20-1); name != "4095:1048575" {
		t.Errorf("a device that is not there: %q", name)
	}
}
