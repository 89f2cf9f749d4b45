//go:build !race

package archive

import (
	"bytes"
	"os"
	"testing"
)

// The contents of files are copied without allocations, however many bytes they have.
func TestCopyAllocations(t *testing.T) {
	dir := t.TempDir()
	allocs := func(size int) (pack, extract float64) {
		must(t, os.WriteFile(dir+"/f", make([]byte, size), 0o600))
		var b bytes.Buffer
		b.Grow(size + 1<<20)
		pack = testing.AllocsPerRun(5, func() {
			b.Reset()
			src, err := NewSource(dir+"/f", Open)
			must(t, err)
			_, err = Pack(&b, src, PackOptions{Name: "f"})
			must(t, err)
		})
		extract = testing.AllocsPerRun(5, func() {
			place, err := NewPlace(dir+"/g", "f", Open)
			must(t, err)
			_, err = Extract(bytes.NewReader(b.Bytes()), place, ExtractOptions{})
			must(t, err)
			place.Close()
		})
		return pack, extract
	}
	p1, e1 := allocs(1 << 20)
	p2, e2 := allocs(16 << 20)
	if p2 > p1+2 || e2 > e1+2 {
		t.Errorf("of 1 MiB: %v and %v allocations; of 16 MiB: %v and %v", p1, e1, p2, e2)
	}
}
