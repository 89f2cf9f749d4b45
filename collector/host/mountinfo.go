package host

import (
	"bytes"
	"strings"
)

// mountSpec holds fields of one line of mountinfo (proc_pid_mountinfo(5)). Its strings
// may hold any bytes.
type mountSpec struct {
	id, parent int64
	point      string // mount point
	fsType     string
	device     string // mount source
	readOnly   bool   // an error made it read-only (emergency_ro), which statfs(2) does not report
	local      bool   // on a disk or in memory: depends on no other machine or process
}

const maxMounts = 1 << 17 // lines of mountinfo that are read at most

// parseMountinfo parses mountinfo, and skips invalid lines.
func parseMountinfo(b []byte) []mountSpec {
	var all []mountSpec
	for len(b) > 0 && len(all) < maxMounts {
		var line []byte
		line, b = nextLine(b)
		if m, ok := parseMount(string(line)); ok {
			all = append(all, m)
		}
	}
	return all
}

// parseMount parses a line such as
// "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda rw". Fields are
// separated by exactly one space, because a field may be empty (a mount source "").
func parseMount(line string) (m mountSpec, ok bool) {
	left, right, ok := strings.Cut(line, " - ")
	if !ok {
		return m, false
	}
	l, r := strings.Split(left, " "), strings.Split(right, " ")
	if len(l) < 6 || len(r) < 3 {
		return m, false
	}
	var okID, okParent bool
	m.id, okID = parseInt([]byte(l[0]))
	m.parent, okParent = parseInt([]byte(l[1]))
	m.point, m.fsType, m.device = unescape(l[4]), unescape(r[0]), unescape(r[1])
	for opt := range strings.SplitSeq(r[2], ",") {
		m.readOnly = m.readOnly || opt == "emergency_ro"
	}
	m.local = isLocal(l[2], m.fsType, m.device)
	return m, okID && okParent && strings.HasPrefix(m.point, "/")
}

// isLocal reports whether a filesystem is on a block device or in memory. Its device
// number (major:minor) alone does not tell: the major number is also 0 for a filesystem
// that spans several block devices (btrfs).
func isLocal(number, fsType, device string) bool {
	switch fsType {
	case "tmpfs", "ramfs", "devtmpfs", "zfs":
		return true
	}
	return !strings.HasPrefix(fsType, "fuse") && (!strings.HasPrefix(number, "0:") || strings.HasPrefix(device, "/dev/"))
}

// unescape replaces the kernel's octal escapes by their characters: \040 (space), \011,
// \012, \043 and \134.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// octal reports whether c is an octal digit.
func octal(c byte) bool { return c >= '0' && c <= '7' }

// visible reports whether the path of m's mount point leads to m: nothing is mounted
// over m or over a directory on the path to it. Otherwise statfs(2) would return the
// values of the other filesystem.
func visible(m *mountSpec, byID map[int64]*mountSpec, children map[int64][]*mountSpec) bool {
	for _, over := range children[m.id] {
		if over.point == m.point && over != m {
			return false
		}
	}
	for range 1024 { // bounds the depth of the tree, as an invalid table may have a cycle
		// The root of an initramfs is its own parent, and covers nothing.
		for _, other := range children[m.parent] {
			if other != m && other.id != other.parent && below(m.point, other.point) {
				return false
			}
		}
		up := byID[m.parent]
		if up == nil || up == m {
			return true
		}
		m = up
	}
	return false
}

// below reports whether a path is strictly below a directory.
func below(path, dir string) bool {
	dir = strings.TrimSuffix(dir, "/")
	return len(path) > len(dir)+1 && path[len(dir)] == '/' && path[:len(dir)] == dir
}
