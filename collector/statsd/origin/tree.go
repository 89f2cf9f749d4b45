package origin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bpf"
)

// tree is a mounted cgroup hierarchy.
type tree struct {
	dir   string // "" if it is not mounted
	mount *os.File
}

// controllers are the v1 hierarchies for identifying a sender's cgroup, in this order of
// preference.
var controllers = [...]string{bpf.HierarchyMemory: "memory", bpf.HierarchyCPU: "cpu", bpf.HierarchyPids: "pids"}

// openTrees finds the hierarchies in /proc/self/mountinfo (proc_pid_mountinfo(5)).
func (t *Table) openTrees() {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.c.Log.Warn("cgroups are not known", "err", err)
		return
	}
	for line := range strings.Lines(string(b)) {
		pre, post, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(pre), strings.Fields(post)
		if !ok || len(f) < 5 || len(g) < 3 || f[3] != "/" {
			continue
		}
		use := func(h bpf.Hierarchy) {
			if t.trees[h].dir == "" {
				dir := unescape(f[4])
				if m, err := os.Open(dir); err == nil {
					t.trees[h] = tree{dir, m}
				}
			}
		}
		switch g[0] {
		case "cgroup2":
			use(bpf.HierarchyUnified)
		case "cgroup":
			for o := range strings.SplitSeq(g[2], ",") {
				for h, name := range controllers {
					if name != "" && o == name {
						use(bpf.Hierarchy(h))
					}
				}
			}
		}
	}
}

func (t *Table) closeTrees() error {
	var errs []error
	for i := range t.trees {
		if t.trees[i].mount != nil {
			errs = append(errs, t.trees[i].mount.Close())
		}
	}
	return errors.Join(errs...)
}

// unescape decodes mountinfo's octal escapes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// fileIDKernfs is FILEID_KERNFS (include/linux/exportfs.h): a file handle of 8 bytes
// that contains the id.
const fileIDKernfs = 0xfe

// path returns the path of the cgroup with an id, from the root of the hierarchy.
func (tr *tree) path(id uint64) (string, error) {
	if tr.dir == "" {
		return "", os.ErrNotExist
	}
	h := unix.NewFileHandle(fileIDKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(int(tr.mount.Fd()), h, unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("cgroup %d of %s: %w", id, tr.dir, err)
	}
	defer unix.Close(fd)
	at, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(at, tr.dir)
	if !ok {
		return "", fmt.Errorf("cgroup %d is at %s, not below %s", id, at, tr.dir)
	}
	if rest == "" {
		rest = "/"
	}
	return strings.TrimSuffix(rest, " (deleted)"), nil
}

// inode returns the inode of a cgroup's directory, which is the cgroup's id.
func (tr *tree) inode(path string) (uint64, bool) {
	if tr.dir == "" {
		return 0, false
	}
	var st unix.Stat_t
	if unix.Stat(filepath.Join(tr.dir, path), &st) != nil {
		return 0, false
	}
	return st.Ino, true
}

// cgroupOf returns a process's cgroup from /proc/PID/cgroup (cgroups(7)), with the same
// preference as the BPF program: v1 hierarchies first, if there are any.
func (t *Table) cgroupOf(file []byte) string {
	var paths [4]string
	for line := range bytes.Lines(file) {
		f := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(":"), 3)
		if len(f) < 3 {
			continue
		}
		if len(f[1]) == 0 && string(f[0]) == "0" {
			paths[bpf.HierarchyUnified] = string(f[2])
			continue
		}
		for c := range bytes.SplitSeq(f[1], []byte(",")) {
			for h, name := range controllers {
				if name != "" && string(c) == name {
					paths[h] = string(f[2])
				}
			}
		}
	}
	for _, h := range []bpf.Hierarchy{bpf.HierarchyMemory, bpf.HierarchyCPU, bpf.HierarchyPids, bpf.HierarchyUnified} {
		if p := paths[h]; p != "" && p != "/" {
			return strings.TrimSuffix(p, " (deleted)")
		}
	}
	return ""
}
