package launcher

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// mountAccounts replaces /etc/passwd and /etc/group by those of testdata, in the
// mount namespace of the test.
func mountAccounts(t *testing.T) {
	t.Helper()
	for _, name := range []string{"passwd", "group"} {
		if err := unix.Mount(filepath.Join("testdata", name), "/etc/"+name, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// mountHierarchies replaces all cgroup hierarchies by those of version 1 with the given
// names, in the mount namespace of the test.
func mountHierarchies(t *testing.T, names ...string) {
	t.Helper()
	const root = "/sys/fs/cgroup"
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("cgroup", dir, "cgroup", 0, name); err != nil {
			t.Fatalf("mount the hierarchy of %s: %v", name, err)
		}
	}
}
