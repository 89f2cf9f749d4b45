package logfile

import (
	"path/filepath"
	"strings"
)

// Format is how a file stores lines.
type Format uint8

// Formats. Auto means that FormatOf decides.
const (
	Auto        Format = iota
	DockerJSON         // Docker's json-file driver: a JSON object a record
	DockerLocal        // Docker's local driver, and its cache for other drivers: length-prefixed protobuf
	CRI                // "<time> <stream> <P|F> <text>": containerd, CRI-O, Podman's k8s-file driver
)

var formatNames = [...]string{"auto", "docker-json", "docker-local", "cri"}

func (f Format) String() string { return formatNames[f] }

// FormatOf returns the format of a live log file by its path, as the runtimes name
// their files.
func FormatOf(path string) Format {
	switch base := filepath.Base(path); {
	case strings.HasSuffix(base, "-json.log"):
		return DockerJSON
	case base == "container-cached.log" || filepath.Base(filepath.Dir(path)) == "local-logs":
		return DockerLocal
	}
	return CRI
}

// Stream is the output stream of a container that a line was written to.
type Stream uint8

// Streams.
const (
	Stdout Stream = iota
	Stderr
	streams // how many there are
)

var streamNames = [...]string{"stdout", "stderr"}

func (s Stream) String() string { return streamNames[s] }

// streamOf returns the stream of a name.
func streamOf(name []byte) (Stream, bool) {
	switch string(name) {
	case "stdout":
		return Stdout, true
	case "stderr":
		return Stderr, true
	}
	return 0, false
}
