package rig

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Feature is something that not every kernel has. Present looks for it in another
// way than the code under test does.
type Feature struct {
	Name    string
	Present func() bool
}

// BTF is the kernel's description of its own types.
var BTF = Feature{"BTF (CONFIG_DEBUG_INFO_BTF)", func() bool { return exists("/sys/kernel/btf/vmlinux") }}

// IPv6 is an IPv6 loopback address.
var IPv6 = Feature{"IPv6", func() bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool { return a.String() == "::1/128" })
}}

// InitialPIDs is the PID namespace that the kernel starts with.
var InitialPIDs = Feature{"initial PID namespace", func() bool {
	const procPIDInitIno = 0xEFFFFFFC // PROC_PID_INIT_INO, include/linux/proc_ns.h
	info, err := os.Stat("/proc/self/ns/pid")
	return err == nil && info.Sys().(*syscall.Stat_t).Ino == procPIDInitIno
}}

// CgroupV2 is a mounted hierarchy of cgroup v2.
var CgroupV2 = Feature{"cgroup v2 hierarchy", func() bool { return len(cgroupMounts("cgroup2", "")) > 0 }}

// CgroupV1 is a mounted hierarchy of cgroup v1 with a controller; "" for any.
func CgroupV1(controller string) Feature {
	return Feature{"cgroup v1 hierarchy " + controller, func() bool { return len(cgroupMounts("cgroup", controller)) > 0 }}
}

// Controller is a cgroup controller that a mounted hierarchy of v1 or v2 has.
func Controller(name string) Feature {
	return Feature{"cgroup controller " + name, func() bool {
		for _, dir := range cgroupMounts("cgroup2", "") {
			b, _ := os.ReadFile(dir + "/cgroup.controllers")
			if slices.Contains(strings.Fields(string(b)), name) {
				return true
			}
		}
		return CgroupV1(name).Present()
	}}
}

// Function is a function of the kernel, by its name in /proc/kallsyms.
func Function(name string) Feature {
	return Feature{name, func() bool {
		b, err := os.ReadFile("/proc/kallsyms")
		return err == nil && bytes.Contains(b, []byte(" "+name+"\n"))
	}}
}

// Filesystem is a type of filesystem, by its name in /proc/filesystems.
func Filesystem(name string) Feature {
	return Feature{"filesystem " + name, func() bool {
		b, err := os.ReadFile("/proc/filesystems")
		return err == nil && bytes.Contains(b, []byte("\t"+name+"\n"))
	}}
}

// Built is an option that the kernel was built with. A module counts if the
// running kernel's modules are installed.
func Built(option string) Feature {
	return Feature{option, func() bool {
		config, release := kernelConfig()
		return bytes.Contains(config, []byte("\n"+option+"=y\n")) ||
			bytes.Contains(config, []byte("\n"+option+"=m\n")) && exists("/lib/modules/"+release+"/modules.dep")
	}}
}

// Release returns the first two numbers of the running kernel's release.
func Release() (major, minor int) {
	var u unix.Utsname
	unix.Uname(&u) // fails for no kernel
	first, rest, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// kernelConfig returns how the running kernel was built, empty where nothing says.
func kernelConfig() (config []byte, release string) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return nil, ""
	}
	release = unix.ByteSliceToString(u.Release[:])
	if f, err := os.Open("/proc/config.gz"); err == nil {
		defer f.Close()
		if z, err := gzip.NewReader(f); err == nil {
			if config, err = io.ReadAll(z); err == nil {
				return config, release
			}
		}
	}
	config, _ = os.ReadFile("/boot/config-" + release)
	return config, release
}

// cgroupMounts lists where hierarchies of a type are mounted; controller may be "".
func cgroupMounts(fsType, controller string) []string {
	var dirs []string
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		before, after, _ := strings.Cut(line, " - ")
		at, super := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(super) < 3 || super[0] != fsType {
			continue
		}
		if controller == "" || slices.Contains(strings.Split(super[2], ","), controller) {
			dirs = append(dirs, at[4])
		}
	}
	return dirs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
