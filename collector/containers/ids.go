package containers

import (
	"strconv"
	"strings"
)

// dirRuntime returns the runtime whose cgroupfs driver creates containers' cgroups in
// dir, or "".
func dirRuntime(dir string) string {
	if dir == "docker" || dir == "podman" || dir == "garden" {
		return dir
	}
	return ""
}

// isID reports whether s is a container id of docker, podman, containerd's CRI or CRI-O:
// 64 hexadecimal digits.
func isID(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' }

// isUUID reports whether s is a UUID in lower case with dashes.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isUnit(c string) bool {
	i := strings.LastIndexByte(c, '.')
	if i <= 0 {
		return false
	}
	switch c[i:] {
	case ".service", ".scope", ".socket", ".mount", ".swap":
		return true
	}
	return false
}

// unescapeUnit undoes systemd-escape's \xNN. A dash, which may also stand for a slash,
// is left unchanged, because names of machines contain no slashes.
func unescapeUnit(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
