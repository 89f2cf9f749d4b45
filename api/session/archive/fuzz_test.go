package archive

import (
	"archive/tar"
	"bytes"
	"os"
	"strings"
	"testing"
)

var fuzzNames = []string{"top", "top/", "top/a", "top/a/b", "top/a/b/c", "top/l", "top/l/canary", "../canary",
	"top/../canary", "canary", "/canary", "top/./a//b", "", ".", "..", "top/a/../../canary", "top/\x1b[2J", "top/l/l/l"}

var fuzzTypes = []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeReg, tar.TypeChar}

// No archive writes outside of its destination.
func FuzzExtract(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x02\x05\x0e\x00\x06\x00"), false)
	f.Add([]byte("\x02\x00\x0e\x00\x06\x00\x03\x02\x07\x00\x02\x00"), false)
	f.Add(archiveOf(f, regular("top/a", "x"), named(tar.TypeSymlink, "top/l", "..")), true)
	f.Fuzz(func(t *testing.T, in []byte, raw bool) {
		b := in
		if !raw { // each three bytes are an entry
			var all []tar.Header
			for ; len(in) >= 3; in = in[3:] {
				h := named(fuzzTypes[int(in[0])%len(fuzzTypes)], fuzzNames[int(in[1])%len(fuzzNames)],
					fuzzNames[int(in[2])%len(fuzzNames)])
				switch h.Typeflag {
				case tar.TypeReg:
					h.Linkname, h.PAXRecords = "", map[string]string{"body": "evil"}
				case tar.TypeSymlink, tar.TypeLink:
				default:
					h.Linkname = ""
				}
				if h.Typeflag != tar.TypeDir {
					h.Name = strings.TrimSuffix(h.Name, "/")
				}
				if h.Name != "" {
					all = append(all, h)
				}
			}
			b = archiveOf(t, all...)
		}
		outside := t.TempDir()
		write(t, outside+"/canary", "well", 0o600)
		must(t, os.Mkdir(outside+"/in", 0o755))
		for _, dest := range []struct{ path, name string }{{"/in", "top"}, {"/in/new", "top"}, {"/in", ""},
			{"/in/fresh", ""}} {
			_, _ = extract(t, b, outside+dest.path, dest.name, ExtractOptions{MaxBytes: 1 << 20})
		}
		place, err := NewStreamPlace(outside+"/in", Open)
		must(t, err)
		sum, _ := Extract(bytes.NewReader(b), place, ExtractOptions{MaxBytes: 1 << 20})
		place.Close()
		if got, err := os.ReadFile(outside + "/canary"); err != nil || string(got) != "well" {
			t.Fatalf("it was written outside: %q, %v", got, err)
		}
		if list, _ := os.ReadDir(outside); len(list) != 2 || sum.Bytes > 1<<20 {
			t.Fatalf("there are %d files outside, %d bytes", len(list), sum.Bytes)
		}
	})
}
