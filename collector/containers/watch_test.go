package containers

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// event is a struct inotify_event.
func event(wd int32, mask uint32, name string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	padded := append([]byte(name), make([]byte, 16-len(name)%16)...)
	if name == "" {
		padded = nil
	}
	return append(binary.NativeEndian.AppendUint32(b, uint32(len(padded))), padded...)
}

// If the kernel's queue overflows, the lost names are unknown, so everything is read
// again.
func TestWatchSaysWhatWasLost(t *testing.T) {
	w := &watch{dirs: map[int32]string{1: "/run/runc"}}
	check := func(lost bool, want ...string) {
		t.Helper()
		if fresh, l := w.take(); l != lost || !slices.Equal(fresh, want) {
			t.Errorf("%q, lost %v; want %q, %v", fresh, l, want, lost)
		}
	}
	w.events(slices.Concat(event(1, unix.IN_CREATE, "a"), event(2, unix.IN_CREATE, "x"), event(1, unix.IN_DELETE, "b")))
	check(false, "/run/runc/a", "/run/runc/b")
	w.events(slices.Concat(event(1, unix.IN_CREATE, "c"), event(-1, unix.IN_Q_OVERFLOW, "")))
	check(true, "/run/runc/c")
	check(false)
	for range maxStates + 1 {
		w.events(event(1, unix.IN_CREATE, "d"))
	}
	if fresh, lost := w.take(); len(fresh) != maxStates || !lost {
		t.Errorf("%d entries, lost %v", len(fresh), lost)
	}
	w.events(event(1, unix.IN_IGNORED, ""))
	w.events(event(1, unix.IN_CREATE, "e"))
	check(false)
}
