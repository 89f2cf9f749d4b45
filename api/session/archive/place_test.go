package archive

import (
	"errors"
	"os"
	"testing"
)

// The rules of docker cp, one after another.
func TestPlace(t *testing.T) {
	for _, c := range []struct {
		what, source, name, dest string
		want                     string // what there is afterwards
		err                      error
	}{
		{"a file by a new name", "file", "file", "new", "new", nil},
		{"a file into no directory", "file", "file", "new/", "", ErrNoDirectory},
		{"a file into a directory", "file", "file", "dir", "dir/file", nil},
		{"the same with a slash", "file", "file", "dir/", "dir/file", nil},
		{"a file over a file", "file", "file", "other", "other", nil},
		{"a file, and there is no parent", "file", "file", "no/new", "", ErrNoDirectory},
		{"a file over a file as a directory", "file", "file", "other/", "", ErrNotDirectory},
		{"a directory by a new name", "tree", "tree", "new", "new/in", nil},
		{"the same with a slash", "tree", "tree", "new/", "new/in", nil},
		{"the contents of a directory by a new name", "tree/.", "", "new", "new/in", nil},
		{"a directory into a directory", "tree", "tree", "dir", "dir/tree/in", nil},
		{"the contents into a directory", "tree/.", "", "dir", "dir/in", nil},
		{"a directory over a file", "tree", "tree", "other", "", ErrOverFile},
		{"the contents over a file", "tree/.", "", "other", "", ErrOverFile},
		{"into a directory by a link", "file", "file", "linked", "dir/file", nil},
	} {
		dir := t.TempDir()
		must(t, os.Mkdir(dir+"/dir", 0o755), os.Mkdir(dir+"/tree", 0o755), os.Symlink("dir", dir+"/linked"))
		write(t, dir+"/file", "file", 0o600)
		write(t, dir+"/other", "other", 0o600)
		write(t, dir+"/tree/in", "in", 0o600)
		b := pack(t, dir+"/"+c.source, c.name)
		sum, err := extract(t, b, dir+"/"+c.dest, c.name, ExtractOptions{Say: func(s string) { t.Error(c.what, s) }})
		if !errors.Is(err, c.err) || sum.Problems != 0 {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.err == nil {
			got, err := os.ReadFile(dir + "/" + c.want)
			if err != nil || string(got) != "file" && string(got) != "in" {
				t.Errorf("%s: %q, %v", c.what, got, err)
			}
		} else if got, _ := os.ReadFile(dir + "/other"); string(got) != "other" {
			t.Errorf("%s: the file was changed", c.what)
		}
	}
}

// A name that leads elsewhere is none: it comes from the other side of a session.
func TestPlaceName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"..", ".", "a/b", "../a", "/a", "a/", "a\x00", "/"} {
		if p, err := NewPlace(dir, name, Open); err == nil {
			t.Errorf("%q is a name", name)
			p.Close()
		}
	}
}

// A link is copied as such, unless it is to be followed.
func TestSourceLink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "text", 0o600)
	must(t, os.Symlink("file", dir+"/link"))
	_, err := extract(t, pack(t, dir+"/link", "link"), dir+"/a", "link", ExtractOptions{})
	must(t, err)
	if to, err := os.Readlink(dir + "/a"); err != nil || to != "file" {
		t.Errorf("%q, %v", to, err)
	}
	if _, err := OpenInside("/proc/self/root/etc", 0); err == nil {
		t.Error("a link of /proc was followed")
	}
	if _, err := openPlain(dir+"/link", 0); err == nil {
		t.Error("a link was followed without openat2")
	}
	fd, err := openPlain(dir+"/file", 0)
	must(t, err)
	must(t, os.NewFile(uintptr(fd), "").Close())
}
