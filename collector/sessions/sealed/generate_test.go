package sealed

import (
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The committed programs are what their sources make, with the toolchain that made them.
func TestRegenerate(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("sh", "generate.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("generate.sh: %v\n%s", err, out)
	}
	for _, name := range []string{"helper-amd64.gz", "helper-arm64.gz", "toolbox-amd64.gz", "toolbox-arm64.gz"} {
		have, made := unpacked(t, name), unpacked(t, dir+"/"+name)
		info, err := buildinfo.Read(bytes.NewReader(have))
		if err != nil {
			t.Fatal(err)
		}
		if info.GoVersion != runtime.Version() {
			rig.Missing(t, "toolchain", "it is "+runtime.Version()+", and the program was made by "+info.GoVersion,
				"that version of Go, or go generate ./collector/sessions/sealed")
		}
		if !bytes.Equal(have, made) {
			t.Errorf("%s is not what its source makes: run go generate ./collector/sessions/sealed", name)
		}
	}
}
