package collector

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropProgramPages unmaps the pages of the program's own file that start-up has
// touched: most of them hold what only start-up needs (tables of protocols,
// flags, the kernel's types). What is needed again is mapped again from the page
// cache, at the cost of a minor fault. Only mappings that hold nothing but the
// file's own bytes are touched.
func dropProgramPages() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	var found []span
	in := false
	s := bufio.NewScanner(f)
	for s.Scan() {
		if bytes.IndexByte(s.Bytes(), '-') > 0 { // no other line has one
			m, own := programSpan(s.Bytes(), exe)
			if in = own; own {
				found = append(found, m)
			}
		} else if rest, ok := bytes.CutPrefix(s.Bytes(), []byte("Anonymous:")); ok && in {
			// A page that was written to is anonymous: it would be lost.
			found[len(found)-1].clean = string(bytes.TrimSpace(rest)) == "0 kB"
		}
	}
	for _, m := range found {
		if m.clean {
			unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED) // what fails stays
		}
	}
}

// span is a mapping of memory.
type span struct {
	start, end uintptr
	clean      bool
}

// programSpan reads the first line of a mapping in smaps (proc_pid_smaps(5)). ok
// reports whether the mapping is the program's own file, and not writable.
func programSpan(line []byte, exe string) (m span, ok bool) {
	f := strings.Fields(string(line))
	if len(f) < 6 || strings.Join(f[5:], " ") != exe || strings.Contains(f[1], "w") {
		return m, false
	}
	from, to, _ := strings.Cut(f[0], "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if err1 != nil || err2 != nil || start >= end {
		return m, false
	}
	return span{start: uintptr(start), end: uintptr(end)}, true
}
