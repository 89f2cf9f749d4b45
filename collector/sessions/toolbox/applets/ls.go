package applets

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func init() { add("ls", ls) }

// lister is what ls was asked for. u-root's has no errors and no status for missing files.
type lister struct {
	*bufio.Writer
	all, almost, long, dir, recursive, reverse, byTime, bySize, human, inode, classify, numeric bool

	users  userNames
	groups groupNames
	status int
}

// file is a file in a list.
type file struct {
	name string
	path string
	info fs.FileInfo
}

func ls(args []string) int {
	l := &lister{Writer: bufio.NewWriter(os.Stdout), users: userNames{}, groups: groupNames{}}
	defer l.Flush()
	f := flags("ls", "[-aAldRrtShinF1] [FILE]...")
	f.BoolVarP(&l.all, "all", "a", false, "list names that begin with a dot, too")
	f.BoolVarP(&l.almost, "almost-all", "A", false, "as -a, but for . and ..")
	f.BoolVarP(&l.long, "long", "l", false, "list mode, links, owner, size and time")
	f.BoolVarP(&l.dir, "directory", "d", false, "list directories, not what is in them")
	f.BoolVarP(&l.recursive, "recursive", "R", false, "list what is below directories")
	f.BoolVarP(&l.reverse, "reverse", "r", false, "the other way round")
	f.BoolVarP(&l.byTime, "time", "t", false, "the newest first")
	f.BoolVarP(&l.bySize, "size", "S", false, "the largest first")
	f.BoolVarP(&l.human, "human-readable", "h", false, "print sizes with units")
	f.BoolVarP(&l.inode, "inode", "i", false, "list inode numbers")
	f.BoolVarP(&l.numeric, "numeric-uid-gid", "n", false, "as -l, with numbers of owners")
	f.BoolVarP(&l.classify, "classify", "F", false, "mark directories, links and programs")
	f.BoolP("one", "1", false, "one name a line, as always here")
	f.String("color", "", "as never here")
	f.Lookup("color").NoOptDefVal = "never"
	if status, ok := parse(f, args); !ok {
		return status
	}
	l.long = l.long || l.numeric
	names := f.Args()
	if len(names) == 0 {
		names = []string{"."}
	}
	var files, dirs []file
	for _, name := range names {
		info, err := os.Lstat(name)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 && !l.long && !l.dir {
			if to, err := os.Stat(name); err == nil && to.IsDir() {
				info = to
			}
		}
		switch {
		case err != nil:
			l.status = complain("ls", err)
		case info.IsDir() && !l.dir:
			dirs = append(dirs, file{name, name, info})
		default:
			files = append(files, file{name, name, info})
		}
	}
	l.list(files)
	for i, d := range dirs {
		if len(names) > 1 || l.recursive {
			if i > 0 || len(files) > 0 {
				fmt.Fprintln(l)
			}
			fmt.Fprintf(l, "%s:\n", Printable(d.name))
		}
		l.directory(d.path)
	}
	return l.status
}

// directory lists what is in a directory.
func (l *lister) directory(path string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		l.status = complain("ls", err)
	}
	var files []file
	add := func(name string) {
		p := filepath.Join(path, name)
		info, err := os.Lstat(p)
		if err != nil {
			l.status = complain("ls", err)
			return
		}
		files = append(files, file{name, p, info})
	}
	if l.all && !l.almost {
		add(".")
		add("..")
	}
	for _, e := range entries {
		if l.all || l.almost || !strings.HasPrefix(e.Name(), ".") {
			add(e.Name())
		}
	}
	l.list(files)
	for _, f := range files {
		if l.recursive && f.info.IsDir() && f.name != "." && f.name != ".." {
			fmt.Fprintf(l, "\n%s:\n", Printable(f.path))
			l.directory(f.path)
		}
	}
}

// list prints files, in the order that was asked for.
func (l *lister) list(files []file) {
	slices.SortStableFunc(files, func(a, b file) int {
		if l.reverse {
			a, b = b, a
		}
		switch {
		case l.byTime:
			return b.info.ModTime().Compare(a.info.ModTime())
		case l.bySize:
			return cmp.Compare(b.info.Size(), a.info.Size())
		}
		return strings.Compare(a.name, b.name)
	})
	for _, f := range files {
		st := f.info.Sys().(*syscall.Stat_t)
		if l.inode {
			fmt.Fprintf(l, "%8d ", st.Ino)
		}
		if l.long {
			owner, group := strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
			if !l.numeric {
				owner, group = l.users.of(uint64(st.Uid)), l.groups.of(st.Gid)
			}
			room := strconv.FormatInt(st.Size, 10)
			switch {
			case f.info.Mode()&fs.ModeDevice != 0:
				room = fmt.Sprintf("%d, %d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
			case l.human:
				room = size(st.Size)
			}
			fmt.Fprintf(l, "%s %3d %-8s %-8s %9s %s ", modeText(f.info.Mode()), st.Nlink, owner, group, room,
				f.info.ModTime().Format("2006-01-02 15:04"))
		}
		l.WriteString(Printable(f.name) + l.mark(f) + "\n")
	}
}

// mark returns what follows a name.
func (l *lister) mark(f file) string {
	mode := f.info.Mode()
	switch {
	case l.long && mode&fs.ModeSymlink != 0:
		to, _ := os.Readlink(f.path)
		return " -> " + Printable(to)
	case !l.classify:
	case mode.IsDir():
		return "/"
	case mode&fs.ModeSymlink != 0:
		return "@"
	case mode.IsRegular() && mode&0o111 != 0:
		return "*"
	}
	return ""
}

// modeText formats a mode as ls does.
func modeText(m fs.FileMode) string {
	b := []byte("-rwxrwxrwx")
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	for _, t := range []struct {
		bit fs.FileMode
		c   byte
	}{{fs.ModeDir, 'd'}, {fs.ModeSymlink, 'l'}, {fs.ModeNamedPipe, 'p'}, {fs.ModeSocket, 's'}, {fs.ModeDevice, 'b'},
		{fs.ModeCharDevice, 'c'}} {
		if m&t.bit != 0 {
			b[0] = t.c
		}
	}
	for _, s := range []struct {
		bit fs.FileMode
		at  int
		c   byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if m&s.bit == 0 {
			continue
		}
		if b[s.at] == '-' {
			s.c -= 'a' - 'A'
		}
		b[s.at] = s.c
	}
	return string(b)
}
