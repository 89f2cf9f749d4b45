package applets

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

func init() {
	add("date", date)
	add("df", df)
	add("free", free)
	add("hostname", hostname)
	add("id", id)
	add("mount", mount)
	add("uname", uname)
}

// id prints who this process is.
func id([]string) int {
	name := func(kind string, n int, find func(string) (string, error)) string {
		text := kind + strconv.Itoa(n)
		if found, err := find(strconv.Itoa(n)); err == nil {
			text += "(" + Printable(found) + ")"
		}
		return text
	}
	userOf := func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	}
	groupOf := func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	}
	fmt.Print(name("uid=", os.Geteuid(), userOf), name(" gid=", os.Getegid(), groupOf))
	groups, err := os.Getgroups()
	for i, g := range groups {
		kind := ","
		if i == 0 {
			kind = " groups="
		}
		fmt.Print(name(kind, g, groupOf))
	}
	fmt.Println()
	if err != nil {
		return complain("id", err)
	}
	return 0
}

func hostname([]string) int {
	name, err := os.Hostname()
	if err != nil {
		return complain("hostname", err)
	}
	fmt.Println(name)
	return 0
}

func uname(args []string) int {
	fs := flags("uname", "[-asnrvm]")
	all := fs.BoolP("all", "a", false, "print everything")
	var show [5]bool
	for i, f := range []struct{ long, short, text string }{
		{"kernel-name", "s", "Linux"}, {"nodename", "n", "the host's name"},
		{"kernel-release", "r", "the kernel's release"}, {"kernel-version", "v", "the kernel's version"},
		{"machine", "m", "the architecture"}} {
		fs.BoolVarP(&show[i], f.long, f.short, false, f.text)
	}
	if status, ok := parse(fs, args); !ok {
		return status
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return complain("uname", err)
	}
	if show == [5]bool{} {
		show[0] = true
	}
	var parts []string
	for i, field := range [][]byte{u.Sysname[:], u.Nodename[:], u.Release[:], u.Version[:], u.Machine[:]} {
		if show[i] || *all {
			parts = append(parts, unix.ByteSliceToString(field))
		}
	}
	fmt.Println(strings.Join(parts, " "))
	return 0
}

// date prints the time, in the format of strftime(3) that is known here, or RFC 3339.
func date(args []string) int {
	fs := flags("date", "[-u] [+FORMAT]")
	utc := fs.BoolP("utc", "u", false, "print the time in UTC")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	now := time.Now()
	if *utc {
		now = now.UTC()
	}
	format := "%a %b %e %H:%M:%S %Z %Y"
	if fs.NArg() > 0 {
		format = strings.TrimPrefix(fs.Arg(0), "+")
	}
	fmt.Println(strings.NewReplacer("%%", "%", "%Y", now.Format("2006"), "%m", now.Format("01"), "%d", now.Format("02"),
		"%e", now.Format("_2"), "%H", now.Format("15"), "%M", now.Format("04"), "%S", now.Format("05"), "%Z",
		now.Format("MST"), "%z", now.Format("-0700"), "%a", now.Format("Mon"), "%b", now.Format("Jan"), "%F",
		now.Format("2006-01-02"), "%T", now.Format("15:04:05"), "%s", strconv.FormatInt(now.Unix(), 10), "%N",
		fmt.Sprintf("%09d", now.Nanosecond())).Replace(format))
	return 0
}

// mounts reads where file systems are mounted.
func mounts() ([]*procfs.MountInfo, error) { return procfs.GetMounts() }

// mount lists mounts; it mounts nothing.
func mount(args []string) int {
	if len(args) > 0 {
		return complain("mount", fmt.Errorf("it lists what is mounted, and mounts nothing"))
	}
	all, err := mounts()
	if err != nil {
		return complain("mount", err)
	}
	for _, m := range all {
		options := make([]string, 0, len(m.Options))
		for _, from := range []map[string]string{m.Options, m.SuperOptions} {
			for k, v := range from {
				if v != "" {
					k += "=" + v
				}
				options = append(options, k)
			}
		}
		fmt.Printf("%s on %s type %s (%s)\n", Printable(m.Source), Printable(m.MountPoint), m.FSType,
			Printable(strings.Join(sorted(options), ",")))
	}
	return 0
}

// df prints how full file systems are.
func df(args []string) int {
	fs := flags("df", "[-hi] [FILE]...")
	human := fs.BoolP("human-readable", "h", false, "print sizes with units")
	inodes := fs.BoolP("inodes", "i", false, "print inodes instead of KiB")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	paths := fs.Args()
	source := map[string]string{}
	if all, err := mounts(); err == nil {
		for _, m := range all {
			source[m.MountPoint] = m.Source
			if fs.NArg() == 0 {
				paths = append(paths, m.MountPoint)
			}
		}
	} else if fs.NArg() == 0 {
		return complain("df", err)
	}
	format := func(n uint64) string {
		if *human && !*inodes {
			return size(int64(n))
		}
		if *inodes {
			return strconv.FormatUint(n, 10)
		}
		return strconv.FormatUint(n/1024, 10)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "%-24s %12s %12s %12s %5s %s\n", "SOURCE", "SIZE", "USED", "FREE", "USED", "MOUNTED ON")
	status := 0
	for _, path := range paths {
		var s unix.Statfs_t
		if err := unix.Statfs(path, &s); err != nil {
			if fs.NArg() > 0 {
				status = complain("df", fmt.Errorf("%s: %w", path, err))
			}
			continue
		}
		total, free, avail := s.Blocks*uint64(s.Bsize), s.Bfree*uint64(s.Bsize), s.Bavail*uint64(s.Bsize)
		if *inodes {
			total, free, avail = s.Files, s.Ffree, s.Ffree
		}
		if total == 0 && fs.NArg() == 0 {
			continue // proc, sysfs and the like
		}
		used, share := total-min(free, total), 0.0
		if used+avail > 0 {
			share = 100 * float64(used) / float64(used+avail)
		}
		fmt.Fprintf(out, "%-24s %12s %12s %12s %4.0f%% %s\n", Printable(source[mountOf(path, source)]), format(total),
			format(used), format(avail), share, Printable(path))
	}
	return status
}

// mountOf returns the mount point that a path is below.
func mountOf(path string, mounts map[string]string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	for ; path != "/" && path != "."; path = filepath.Dir(path) {
		if _, ok := mounts[path]; ok {
			return path
		}
	}
	return "/"
}

// size formats a number of bytes with a unit.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	f, unit := float64(n), -1
	for ; f >= 1024 && unit < 5; unit++ {
		f /= 1024
	}
	return fmt.Sprintf("%.1f%c", f, "KMGTPE"[unit])
}

// free prints memory: of the node, and of the container as far as its cgroup is visible.
func free([]string) int {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return complain("free", err)
	}
	m, err := fs.Meminfo()
	if err != nil {
		return complain("free", err)
	}
	of := func(n *uint64) string {
		if n == nil {
			return "-"
		}
		return size(int64(*n))
	}
	fmt.Printf("%-10s %10s %10s\n", "", "TOTAL", "AVAILABLE")
	fmt.Printf("%-10s %10s %10s\n", "node", of(m.MemTotalBytes), of(m.MemAvailableBytes))
	fmt.Printf("%-10s %10s %10s\n", "swap", of(m.SwapTotalBytes), of(m.SwapFreeBytes))
	for _, c := range []struct{ limit, used string }{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		limit, err := os.ReadFile(c.limit)
		if err != nil {
			continue
		}
		used, _ := os.ReadFile(c.used)
		fmt.Printf("container: limit %s, used %s\n", strings.TrimSpace(string(limit)), strings.TrimSpace(string(used)))
		break
	}
	return 0
}
