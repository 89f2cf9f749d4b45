package load

import (
	"fmt"
	"os"
	"path/filepath"
)

// GroupName is what MakeGroups calls its i-th cgroup: as Docker with the
// systemd driver would, so that it passes for a container.
func GroupName(i int) string { return fmt.Sprintf("docker-%064x.scope", i+1) }

// MakeGroups makes n empty cgroups below a new one called name, in each of the
// hierarchies mounted at dirs, and returns what removes them all.
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

// enableControllers hands every controller of a v2 tree down to parent's
// children; on v1 there is nothing to hand down and nothing happens.
func enableControllers(dir, parent string) {
	for _, at := range []string{dir, parent} {
		for _, c := range []string{"cpu", "memory", "io", "pids", "hugetlb"} {
			os.WriteFile(filepath.Join(at, "cgroup.subtree_control"), []byte("+"+c), 0o644) // what is not there is refused
		}
	}
}
