package archive

import (
	"io"
	"os"
	"testing"
)

// BenchmarkCopy copies a file of 64 MiB, and a tree of small files, through a pipe.
func BenchmarkCopy(b *testing.B) {
	for _, c := range []struct {
		name  string
		files int
		size  int
	}{{"large", 1, 64 << 20}, {"small", 2000, 1000}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			must(b, os.Mkdir(dir+"/src", 0o755))
			for i := range c.files {
				write(b, dir+"/src/"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)),
					string(make([]byte, c.size)), 0o600)
			}
			b.SetBytes(int64(c.files * c.size))
			b.ReportAllocs()
			for b.Loop() {
				r, w, err := os.Pipe()
				must(b, err)
				go func() {
					src, err := NewSource(dir+"/src", Open)
					if err == nil {
						_, err = Pack(w, src, PackOptions{Name: "src"})
					}
					if err != nil {
						b.Error(err)
					}
					w.Close()
				}()
				place, err := NewPlace(dir+"/dest", "src", Open)
				must(b, err)
				sum, err := Extract(r, place, ExtractOptions{})
				must(b, err, sum.Err())
				_, _ = io.Copy(io.Discard, r)
				r.Close()
				place.Close()
				must(b, os.RemoveAll(dir+"/dest"))
			}
		})
	}
}
