package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pack packs a path, and extract writes it elsewhere; both fail the test for any problem.
func pack(t testing.TB, path, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	src, err := NewSource(path, Open)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Pack(&b, src, PackOptions{Name: name, Say: func(s string) { t.Error(s) }})
	if err != nil || sum.Err() != nil {
		t.Fatal(err, sum.Err())
	}
	return b.Bytes()
}

func extract(t testing.TB, b []byte, dest, name string, o ExtractOptions) (Summary, error) {
	t.Helper()
	p, err := NewPlace(dest, name, Open)
	if err != nil {
		return Summary{}, err
	}
	defer p.Close()
	return Extract(bytes.NewReader(b), p, o)
}

// tree describes all that is below a directory.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	inodes := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		line := fmt.Sprintf("%q %o %d.%09d %d:%d", rel, st.Mode, st.Mtim.Sec, st.Mtim.Nsec, st.Uid, st.Gid)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", st.Size, sha256.Sum256(b))
			if first := inodes[st.Ino]; first != "" {
				line += " = " + first
			} else {
				inodes[st.Ino] = rel
			}
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func equalTrees(t testing.TB, a, b string) {
	t.Helper()
	x, y := tree(t, a), tree(t, b)
	if !slices.Equal(x, y) {
		t.Fatalf("the trees differ:\n%s\n--\n%s", strings.Join(x, "\n"), strings.Join(y, "\n"))
	}
}

// must fails the test at an error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode))
}

// archiveOf makes an archive of any headers.
func archiveOf(t testing.TB, all ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := writer{w: &b}
	for _, h := range all {
		body := h.PAXRecords["body"]
		h.PAXRecords = nil
		h.Size = int64(len(body))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		must(t, w.header(&h))
		b.WriteString(body)
		must(t, w.pad(h.Size))
	}
	must(t, w.end())
	return b.Bytes()
}

// regular is a file of an archive.
func regular(name, body string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, PAXRecords: map[string]string{"body": body}}
}

func named(typ byte, name, link string) tar.Header {
	return tar.Header{Typeflag: typ, Name: name, Linkname: link}
}
