package load

import (
	"fmt"
	"os"
	"path/filepath"
)

// GroupName returns the name of the i-th cgroup of MakeGroups, as Docker names a
// container's with the systemd driver.
func GroupName(i int) string { return fmt.Sprintf("docker-%064x.scope", i+1) }

// MakeGroups makes n empty cgroups below a new one called name, in each of the
// hierarchies mounted at dirs, and returns a function that removes them all.
func MakeGroups(dirs []string, name string, n int) (remove func() error, err error) {
	remove = func() error {
		var first error
		for _, dir := range dirs {
			parent := filepath.Join(dir, name)
			for i := range n {
				if err := os.Remove(filepath.Join(parent, GroupName(i))); err != nil && !os.IsNotExist(err) && first == nil {
					first = err
				}
			}
			if err := os.Remove(parent); err != nil && !os.IsNotExist(err) && first == nil {
				first = err
			}
		}
		return first
	}
	for _, dir := range dirs {
		parent := filepath.Join(dir, name)
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, err
		}
		enableControllers(dir, parent)
		for i := range n {
			if err := os.Mkdir(filepath.Join(parent, GroupName(i)), 0o755); err != nil {
				remove()
				return nil, fmt.Errorf("cgroup %d of %d: %w", i, n, err)
			}
		}
	}
	return remove, nil
}

// enableControllers enables the controllers of a v2 hierarchy for the children of
// parent. On v1 it does nothing.
func enableControllers(dir, parent string) {
	for _, at := range []string{dir, parent} {
		for _, c := range []string{"cpu", "memory", "io", "pids", "hugetlb"} {
			os.WriteFile(filepath.Join(at, "cgroup.subtree_control"), []byte("+"+c), 0o644) // an unknown controller is refused
		}
	}
}
