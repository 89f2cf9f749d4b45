package applets

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	add("basename", func(args []string) int { return pathPart("basename", filepath.Base, args) })
	add("dirname", func(args []string) int { return pathPart("dirname", filepath.Dir, args) })
	add("clear", func([]string) int { fmt.Print("\x1b[H\x1b[2J\x1b[3J"); return 0 })
	add("du", du)
	add("ln", ln)
	add("readlink", readlink)
	add("stat", stat)
}

func sorted(list []string) []string { slices.Sort(list); return list }

func pathPart(name string, part func(string) string, args []string) int {
	if len(args) == 0 {
		fmt.Fprintf(os.Stderr, "Usage: %s PATH [SUFFIX]\n", name)
		return 2
	}
	text := part(args[0])
	if name == "basename" && len(args) > 1 {
		text = strings.TrimSuffix(text, args[1])
	}
	fmt.Println(text)
	return 0
}

// du prints how much room files take.
func du(args []string) int {
	f := flags("du", "[-shak] [FILE]...")
	sum := f.BoolP("summarize", "s", false, "only one line per argument")
	human := f.BoolP("human-readable", "h", false, "print sizes with units")
	all := f.BoolP("all", "a", false, "print files, too")
	f.BoolP("kilobytes", "k", false, "as always here")
	depth := f.IntP("max-depth", "d", -1, "print directories down to this depth only")
	if status, ok := parse(f, args); !ok {
		return status
	}
	paths := f.Args()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	status := 0
	seen := map[[2]uint64]bool{}
	print := func(n int64, path string) {
		text := strconv.FormatInt((n+1023)/1024, 10)
		if *human {
			text = size(n)
		}
		fmt.Printf("%s\t%s\n", text, Printable(path))
	}
	var walk func(path string, level int) int64
	walk = func(path string, level int) int64 {
		info, err := os.Lstat(path)
		if err != nil {
			status = complain("du", err)
			return 0
		}
		st := info.Sys().(*syscall.Stat_t)
		key := [2]uint64{uint64(st.Dev), st.Ino}
		if seen[key] {
			return 0
		}
		seen[key] = true
		n := st.Blocks * 512
		if info.IsDir() {
			entries, err := os.ReadDir(path)
			if err != nil {
				status = complain("du", err)
			}
			for _, e := range entries {
				n += walk(filepath.Join(path, e.Name()), level+1)
			}
		}
		if level == 0 || !*sum && (info.IsDir() || *all) && (*depth < 0 || level <= *depth) {
			print(n, path)
		}
		return n
	}
	for _, p := range paths {
		walk(p, 0)
	}
	return status
}

func ln(args []string) int {
	f := flags("ln", "[-sf] TARGET [LINK]")
	symbolic := f.BoolP("symbolic", "s", false, "make a symbolic link")
	force := f.BoolP("force", "f", false, "replace the link")
	if status, ok := parse(f, args); !ok {
		return status
	}
	if f.NArg() != 1 && f.NArg() != 2 {
		f.Usage()
		return 2
	}
	target, link := f.Arg(0), f.Arg(1)
	if link == "" {
		link = filepath.Base(target)
	}
	if info, err := os.Stat(link); err == nil && info.IsDir() {
		link = filepath.Join(link, filepath.Base(target))
	}
	if *force {
		os.Remove(link)
	}
	do := os.Link
	if *symbolic {
		do = os.Symlink
	}
	if err := do(target, link); err != nil {
		return complain("ln", err)
	}
	return 0
}

func readlink(args []string) int {
	f := flags("readlink", "[-f] FILE...")
	follow := f.BoolP("canonicalize", "f", false, "follow all links, and print the absolute path")
	if status, ok := parse(f, args); !ok {
		return status
	}
	status := 0
	for _, name := range f.Args() {
		to, err := os.Readlink(name)
		if *follow {
			if to, err = filepath.EvalSymlinks(name); err == nil {
				to, err = filepath.Abs(to)
			}
		}
		if err != nil {
			status = complain("readlink", err)
			continue
		}
		fmt.Println(to)
	}
	return status
}

// stat prints what is known of files.
func stat(args []string) int {
	f := flags("stat", "[-L] FILE...")
	follow := f.BoolP("dereference", "L", false, "follow links")
	if status, ok := parse(f, args); !ok {
		return status
	}
	status := 0
	for _, name := range f.Args() {
		find := os.Lstat
		if *follow {
			find = os.Stat
		}
		info, err := find(name)
		if err != nil {
			status = complain("stat", err)
			continue
		}
		st := info.Sys().(*syscall.Stat_t)
		text := Printable(name)
		if info.Mode()&fs.ModeSymlink != 0 {
			if to, err := os.Readlink(name); err == nil {
				text += " -> " + Printable(to)
			}
		}
		at := func(t syscall.Timespec) string { return time.Unix(t.Unix()).Format(time.RFC3339Nano) }
		fmt.Printf("  file: %s\n  size: %d, %d bytes on disk, device %d:%d, inode %d, links %d\n", text, st.Size,
			st.Blocks*512, unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino, st.Nlink)
		fmt.Printf("  mode: %04o %s, uid %d, gid %d\n", st.Mode&0o7777, info.Mode(), st.Uid, st.Gid)
		fmt.Printf("access: %s\nmodify: %s\nchange: %s\n", at(st.Atim), at(st.Mtim), at(st.Ctim))
	}
	return status
}
