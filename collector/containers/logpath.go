package containers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxPath bounds the path of a log, in bytes.
const maxPath = 4096

// cleanLogPath returns a path as it is kept, "" if it is no absolute one.
func cleanLogPath(path string) string {
	if len(path) > maxPath || !filepath.IsAbs(path) {
		return ""
	}
	return filepath.Clean(path)
}

// userOf returns the user whose runtime has a path, by the directory below userDirs that
// it is in; 0, which is root, elsewhere.
func userOf(path string) uint32 {
	rest, ok := strings.CutPrefix(filepath.Clean(path), userDirs)
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return nobody
	}
	return uint32(n)
}

// nobody is a user that no file belongs to.
const nobody = 1<<32 - 1

// inspectedLog holds the fields of GET /containers/{id}/json that tell where the log is.
type inspectedLog struct {
	LogPath                                 string
	HostnamePath, HostsPath, ResolvConfPath string
	HostConfig                              struct {
		LogConfig struct {
			Type string
			Path string // podman
		}
	}
}

// logPath returns the path of the log of a container. Docker does not name the files of its
// local driver: they are in the container's directory, as are the copies that it keeps for
// drivers that cannot be read from.
func (l *inspectedLog) logPath(id string) string {
	switch l.HostConfig.LogConfig.Type {
	case "journald", "none", "passthrough", "passthrough-tty":
		return ""
	case "json-file", "k8s-file":
		if path := cleanLogPath(l.LogPath); path != "" {
			return path
		}
		return cleanLogPath(l.HostConfig.LogConfig.Path)
	case "local":
		return l.inDirectory(id, "local-logs/container.log")
	}
	return l.inDirectory(id, "container-cached.log")
}

// inDirectory returns the path of a file in docker's directory of a container.
func (l *inspectedLog) inDirectory(id, file string) string {
	for _, path := range [...]string{l.HostnamePath, l.HostsPath, l.ResolvConfPath} {
		if dir := filepath.Dir(path); filepath.Base(dir) == id && filepath.IsAbs(dir) {
			return cleanLogPath(filepath.Join(dir, file))
		}
	}
	return ""
}

// podmanLog returns the path of the log of podman's k8s-file driver, "" if a container
// has none. It may block on the filesystem.
func podmanLog(bundle string) string {
	path := filepath.Join(bundle, "ctr.log")
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		return ""
	}
	return cleanLogPath(path)
}

// fromExtension reads one extension of a container of containerd: its CRI plugin keeps
// the path of the log in one.
// Source: github.com/containerd/containerd/internal/cri/store/container.
func (rec *record) fromExtension(b []byte) {
	var name string
	var value []byte
	nested(b, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			name = string(v)
		case 2:
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				if num == 2 {
					value = v
				}
			})
		}
	})
	if name != "io.cri-containerd.container.metadata" {
		return
	}
	var meta struct{ Metadata struct{ LogPath string } }
	if json.Unmarshal(value, &meta) == nil {
		rec.logPath = cleanLogPath(meta.Metadata.LogPath)
	}
}
