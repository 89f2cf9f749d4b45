package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// A great many names take no memory that grows with them. DAYTWO_COPY_NAMES is how many.
func TestManyNames(t *testing.T) {
	n := 5_000
	if s := os.Getenv("DAYTWO_COPY_NAMES"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	dir := t.TempDir()
	r, w := io.Pipe()
	go func() {
		out := writer{w: w}
		for i := range n {
			h := tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("top/%d/%d", i/5000, i), Mode: 0o644}
			if err := out.header(&h); err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.CloseWithError(out.end())
	}()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	measure := func(s State) {
		if s.Files%1000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	place, err := NewPlace(dir+"/dest", "top", Open)
	must(t, err)
	defer place.Close()
	sum, err := Extract(r, place, ExtractOptions{Progress: measure})
	must(t, err, sum.Err())
	if sum.Files != int64(n) {
		t.Errorf("%d files", sum.Files)
	}
	src, err := NewSource(dir+"/dest", Open)
	must(t, err)
	sum, err = Pack(io.Discard, src, PackOptions{Name: "dest", Progress: measure})
	must(t, err, sum.Err())
	if sum.Files < int64(n) {
		t.Errorf("%d files of %d were packed", sum.Files, n)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes of memory for %d names", grown, n)
	}
}
