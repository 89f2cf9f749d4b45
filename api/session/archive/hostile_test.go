package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// hostile are archives that want to write outside. CANARY is a file there, DIR its directory.
var hostile = []struct {
	what string
	all  []tar.Header
}{
	{"up", []tar.Header{regular("top/../canary", "evil"), regular("top/a/../../canary", "evil")}},
	{"up at once", []tar.Header{regular("../canary", "evil")}},
	{"absolute", []tar.Header{regular("CANARY", "evil")}},
	{"another name", []tar.Header{regular("canary", "evil")}},
	{"through a link", []tar.Header{named(tar.TypeSymlink, "top/l", ".."), regular("top/l/../canary", "evil"),
		regular("top/l/canary", "evil")}},
	{"through an absolute link", []tar.Header{named(tar.TypeSymlink, "top/l", "DIR"),
		regular("top/l/canary", "evil")}},
	{"over a link", []tar.Header{named(tar.TypeSymlink, "top/l", "CANARY"), regular("top/l", "evil")}},
	{"through links to links", []tar.Header{named(tar.TypeSymlink, "top/a", "b"),
		named(tar.TypeSymlink, "top/b", ".."),
		regular("top/a/canary", "evil"), named(tar.TypeDir, "top/a/", ""), regular("top/a/canary", "evil")}},
	{"a directory, then a link in its place", []tar.Header{named(tar.TypeDir, "top/d/", ""),
		named(tar.TypeSymlink, "top/d", ".."), regular("top/d/canary", "evil")}},
	{"a directory over a link", []tar.Header{named(tar.TypeSymlink, "top/d", ".."), named(tar.TypeDir, "top/d/", ""),
		regular("top/d/canary", "evil")}},
	{"a link out", []tar.Header{named(tar.TypeLink, "top/h", "../canary"), regular("top/h", "evil")}},
	{"a link to an absolute name", []tar.Header{named(tar.TypeLink, "top/h", "CANARY"), regular("top/h", "evil")}},
	{"a link through a link", []tar.Header{named(tar.TypeSymlink, "top/s", ".."),
		named(tar.TypeLink, "top/h", "top/s/../canary"), named(tar.TypeLink, "top/g", "top/s/canary")}},
	{"a link to a link", []tar.Header{named(tar.TypeSymlink, "top/s", "CANARY"),
		named(tar.TypeLink, "top/h", "top/s"), regular("top/h", "evil"), regular("top/s", "evil")}},
	{"devices", []tar.Header{named(tar.TypeChar, "top/null", ""), named(tar.TypeBlock, "top/disk", "")}},
	{"the destination as a file", []tar.Header{named(tar.TypeDir, "top/", ""), regular("top", "evil")}},
	{"a link in place of the destination", []tar.Header{named(tar.TypeDir, "top/", ""),
		named(tar.TypeSymlink, "top", "DIR"), regular("top/canary", "evil")}},
	{"very deep", []tar.Header{regular("top/"+strings.Repeat("d/", 100_000)+"f", "evil")}},
}

// An archive writes nothing outside of its destination, whatever it has in it. Each case is
// followed by a file that is well, and has to arrive.
func TestHostile(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.what, func(t *testing.T) {
			outside := t.TempDir()
			dest := outside + "/dest"
			b := hostileArchive(t, c.all, outside)
			var said []string
			_, err := extract(t, b, dest, "top", ExtractOptions{Say: func(s string) { said = append(said, s) }})
			if err != nil {
				t.Error(err)
			}
			if got, err := os.ReadFile(outside + "/canary"); err != nil || string(got) != "well" {
				t.Fatalf("it was written outside: %q, %v", got, err)
			}
			if list, _ := os.ReadDir(outside); len(list) != 2 {
				t.Fatalf("there are %d files outside", len(list))
			}
			if got, err := os.ReadFile(dest + "/well"); err != nil || string(got) != "well" {
				t.Errorf("the good file is missing: %v, %q", err, said)
			}
			for _, s := range said {
				if strings.ContainsAny(s, "\x1b\x00\n") {
					t.Errorf("control characters are said: %q", s)
				}
			}
		})
	}
}

// hostileArchive makes an archive with a good file at its end, and the canary.
func hostileArchive(t *testing.T, all []tar.Header, outside string) []byte {
	t.Helper()
	write(t, outside+"/canary", "well", 0o600)
	var named []tar.Header
	for _, h := range all {
		for _, s := range []*string{&h.Name, &h.Linkname} {
			*s = strings.NewReplacer("CANARY", outside+"/canary", "DIR", outside).Replace(*s)
		}
		h.PAXRecords = maps.Clone(h.PAXRecords)
		named = append(named, h)
	}
	return archiveOf(t, append(named, regular("top/well", "well"))...)
}

// Without what forbids it, the same archives do write outside: the cases test something.
func TestHostileWeakened(t *testing.T) {
	for name, c := range map[string]struct {
		weaken  func()
		restore func()
		cases   []string
	}{
		"links are followed": {func() { noFollow = 0 }, func() { noFollow = unix.O_NOFOLLOW },
			[]string{"through a link", "through an absolute link", "through links to links", "a directory over a link"}},
		"names lead upwards": {func() { upwards = "/" }, func() { upwards = ".." }, []string{"up"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.weaken()
			defer c.restore()
			for _, h := range hostile {
				if !slices.Contains(c.cases, h.what) {
					continue
				}
				outside := t.TempDir()
				b := hostileArchive(t, h.all, outside)
				_, _ = extract(t, b, outside+"/dest", "top", ExtractOptions{})
				if got, _ := os.ReadFile(outside + "/canary"); string(got) != "evil" {
					t.Errorf("%s: it was not written outside: %q", h.what, got)
				}
			}
		})
	}
}

// What an archive says about sizes takes no memory, and what it may write has a bound.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	b := archiveOf(t, regular("top", strings.Repeat("x", 5000)))
	if _, err := extract(t, b, dir+"/f", "top", ExtractOptions{MaxBytes: 4999}); !errors.Is(err, errTooMuch) {
		t.Error(err)
	}
	if _, err := extract(t, b, dir+"/f", "top", ExtractOptions{MaxBytes: 5000}); err != nil {
		t.Error(err)
	}
	header := func(typ byte, size string) []byte {
		b := archiveOf(t, regular("top", ""))[:3*blockSize]
		b = b[len(b)-blockSize:]
		b[offType] = typ
		copy(b[offSize:], size+"\x00")
		return b
	}
	for _, typ := range []byte{tar.TypeXHeader, typeXName, typeXLink, tar.TypeXGlobalHeader} {
		_, err := extract(t, header(typ, "77777777777"), dir+"/g", "top", ExtractOptions{})
		if err == nil || errors.Is(err, ErrCut) {
			t.Errorf("a special header of 8 GiB: %v", err)
		}
	}
	// Special headers without an end.
	one := header(tar.TypeXGlobalHeader, "00000000000")
	_, err := extract(t, bytes.Repeat(one, 1000), dir+"/g", "top", ExtractOptions{})
	if err == nil || errors.Is(err, ErrCut) {
		t.Errorf("1000 special headers: %v", err)
	}
	for _, list := range []string{"99999999999999\n", "1\n5\n99999999\n", "2\n0\n5\n3\n5\n", "1\n-1\n5\n", "1\n",
		strings.Repeat("9", 600)} {
		h := regular("top", list+strings.Repeat("\x00", blockSize-len(list)%blockSize)+"hello")
		body := h.PAXRecords["body"]
		var out bytes.Buffer
		w := writer{w: &out}
		h.PAXRecords = map[string]string{recMajor: "1", recMinor: "0", recSize: "100"}
		h.Size = int64(len(body))
		must(t, w.header(&h))
		out.WriteString(body)
		must(t, w.pad(h.Size), w.end())
		raw := out.Bytes()
		size, _ := octal(raw[offSize : offSize+lenSize])
		renameRecords(raw[blockSize:][:size], ourRecord, gnuRecord)
		if _, err := extract(t, raw, dir+"/s", "top", ExtractOptions{}); !errors.Is(err, errSparse) {
			t.Errorf("a list of holes %.20q: %v", list, err)
		}
	}
}
