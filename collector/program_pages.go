package collector

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropProgramPages unmaps the pages of the program's own file, most of which only
// start-up needs (tables of protocols, flags, the kernel's types). A page that is
// needed again is mapped again from the page cache, at the cost of a minor fault.
// Mappings with pages that differ from the file are left alone.
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
			// A page that was written to is anonymous: dropping it would lose its contents.
			found[len(found)-1].clean = string(bytes.TrimSpace(rest)) == "0 kB"
		}
	}
	for _, m := range found {
		if m.clean {
			// If it fails, the pages stay mapped.
			unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
		}
	}
}

// span is one mapping in memory, from start to before end.
type span struct {
	start, end uintptr
	clean      bool // no page differs from the file
}

// programSpan parses the first line of a mapping in smaps (proc_pid_smaps(5)). ok
// reports whether the mapping is of the file exe, and not writable.
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
