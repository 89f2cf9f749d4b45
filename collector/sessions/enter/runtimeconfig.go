package enter

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const maxConfig = 8 << 20

// runtimeProcess returns the environment and the working directory that the container's
// runtime gives to each of its commands. It finds the OCI bundle by the process that the
// runtime leaves beside a container, its parent: containerd's shim, which docker has too,
// works in that directory, and conmon (podman, CRI-O) has it on its command line. It is
// used for nothing else, as who owns that process may write what he likes into it.
func runtimeProcess(p *pinned) (env []string, cwd string, ok bool) {
	stat, err := p.read("stat", 4096)
	if err != nil {
		return nil, "", false
	}
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) < 2 {
		return nil, "", false
	}
	parent := "/proc/" + string(f[1])
	bundle := parent + "/cwd"
	cmdline, err := readFile(parent + "/cmdline")
	if err != nil {
		return nil, "", false
	}
	if args := bytes.Split(cmdline, []byte{0}); filepath.Base(string(args[0])) == "conmon" {
		for i := range args[:len(args)-1] {
			if s := string(args[i]); s == "-b" || s == "--bundle" {
				bundle = parent + "/root" + string(args[i+1])
			}
		}
	}
	b, err := readFile(bundle + "/config.json")
	if err != nil {
		return nil, "", false
	}
	var c struct {
		Process struct {
			Env []string
			Cwd string
		}
	}
	if json.Unmarshal(b, &c) != nil || len(c.Process.Env) == 0 || !filepath.IsAbs(c.Process.Cwd) {
		return nil, "", false
	}
	return c.Process.Env, c.Process.Cwd, true
}

// readFile reads a regular file, or one of /proc, of a limited size.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), strconv.Itoa(fd))
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: unix.EINVAL}
	}
	return io.ReadAll(io.LimitReader(file, maxConfig))
}
