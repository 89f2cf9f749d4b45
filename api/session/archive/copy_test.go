package archive

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// makeTree makes files of all kinds that are copied.
func makeTree(t testing.TB, dir string) {
	t.Helper()
	long := strings.Repeat("n", 255)
	must(t, os.Mkdir(dir, 0o700), os.MkdirAll(dir+"/sub/deep/"+long+"/"+long, 0o755), os.Mkdir(dir+"/empty", 0o2750),
		os.Mkdir(dir+"/locked", 0o700))
	write(t, dir+"/file", "text", 0o640)
	write(t, dir+"/none", "", 0o444)
	write(t, dir+"/sub/program", "#!/bin/sh\n", 0o755)
	write(t, dir+"/sub/deep/"+long+"/"+long+"/x", "deep", 0o600)
	write(t, dir+"/locked/in", "in", 0o400)
	write(t, dir+"/bad\xff\xfename\n\x1b[2J", "bytes", 0o600)
	write(t, dir+"/ umläute ✓", "utf-8", 0o600)
	must(t, os.Symlink("../../outside", dir+"/up"), os.Symlink("/etc/passwd", dir+"/absolute"),
		os.Symlink("file", dir+"/sub/link"), os.Link(dir+"/file", dir+"/sub/hard"), unix.Mkfifo(dir+"/fifo", 0o600))
	big := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(big)
	write(t, dir+"/big", string(big), 0o600)
	must(t, os.Chmod(dir+"/locked", 0o500), os.Chmod(dir+"/empty", 0o750))
	for i, name := range []string{"file", "sub", "sub/deep", "locked", "empty", ""} {
		at := time.Unix(1_500_000_000+int64(i), 123_456_789)
		must(t, os.Chtimes(dir+"/"+name, at, at))
	}
	old := time.Unix(-5, 7)
	must(t, os.Chtimes(dir+"/none", old, old))
}

// A tree arrives as it was: names of any bytes, modes, times, links of both kinds.
func TestCopyTree(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir+"/src")
	sum, err := extract(t, pack(t, dir+"/src", "src"), dir+"/dest", "src", ExtractOptions{})
	if err != nil || sum.Err() != nil {
		t.Fatal(err, sum.Err())
	}
	equalTrees(t, dir+"/src", dir+"/dest")
	// Once more over itself: nothing is in the way.
	sum, err = extract(t, pack(t, dir+"/src/.", ""), dir+"/dest", "", ExtractOptions{})
	if err != nil || sum.Err() != nil {
		t.Fatal(err, sum.Err())
	}
	if n := len(tree(t, dir+"/dest")); n != len(tree(t, dir+"/src")) {
		t.Errorf("the second copy left %d files", n)
	}
}

// GNU tar reads what Pack writes, and Extract what GNU tar writes, sparse files too.
func TestTar(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir+"/src")
	f, err := os.Create(dir + "/src/holes")
	must(t, err)
	_, err = f.WriteAt([]byte("middle"), 5<<20)
	must(t, err, f.Truncate(20<<20), f.Close())
	must(t, os.Mkdir(dir+"/theirs", 0o755))
	cmd := exec.Command("tar", "xpf", "-", "-C", dir+"/theirs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(pack(t, dir+"/src", "src")), os.Stderr
	must(t, cmd.Run())
	equalTrees(t, dir+"/src", dir+"/theirs/src")
	for _, args := range []string{"--format=posix --sparse", "--format=posix", "--format=gnu", "--format=ustar"} {
		if strings.Contains(args, "ustar") {
			must(t, os.RemoveAll(dir+"/src/sub/deep"), os.Chtimes(dir+"/src/none", time.Now(), time.Now()))
		}
		out := dir + "/ours" + args
		list := append(strings.Fields(args), "-C", dir, "-cf", "-", "src")
		b, err := exec.Command("tar", list...).Output()
		must(t, err)
		sum, err := extract(t, b, out, "src", ExtractOptions{Say: func(s string) { t.Error(s) }})
		if err != nil || sum.Err() != nil {
			t.Fatal(args, err, sum.Err())
		}
		var st unix.Stat_t
		must(t, unix.Stat(out+"/holes", &st))
		if args == "--format=posix --sparse" && st.Blocks > 64 {
			t.Errorf("the holes were filled: %d blocks", st.Blocks)
		}
		b1, _ := os.ReadFile(out + "/holes")
		b2, _ := os.ReadFile(dir + "/src/holes")
		if !bytes.Equal(b1, b2) {
			t.Errorf("%s: the sparse file differs", args)
		}
	}
}

// A sparse file of 1 TB takes no traffic and no room.
func TestSparseTerabyte(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(dir + "/disk")
	must(t, err)
	const size = 1 << 40
	if err := f.Truncate(size); errors.Is(err, unix.EFBIG) {
		rig.Missing(t, "a file system with files of 1 TB", err.Error(), "run the test with TMPDIR on xfs, btrfs or ext4")
	}
	for _, at := range []int64{0, 1 << 30, size / 2, size - 6} {
		_, err := f.WriteAt([]byte("sample"), at)
		must(t, err)
	}
	must(t, f.Close())
	b := pack(t, dir+"/disk", "disk")
	if len(b) > 64<<10 {
		t.Errorf("the archive has %d bytes", len(b))
	}
	sum, err := extract(t, b, dir+"/copy", "disk", ExtractOptions{})
	if err != nil || sum.Err() != nil {
		t.Fatal(err, sum.Err())
	}
	var st unix.Stat_t
	must(t, unix.Stat(dir+"/copy", &st))
	if st.Size != size || st.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes in %d blocks", st.Size, st.Blocks)
	}
	c, err := os.Open(dir + "/copy")
	must(t, err)
	defer c.Close()
	for at, want := range map[int64]string{0: "sample", 1 << 30: "sample", size / 2: "sample", size - 6: "sample",
		1 << 35: "\x00\x00\x00\x00\x00\x00"} {
		got := make([]byte, 6)
		if _, err := c.ReadAt(got, at); err != nil || string(got) != want {
			t.Errorf("at %d: %q, %v", at, got, err)
		}
	}
	empty := dir + "/hole"
	must(t, os.WriteFile(empty, nil, 0o600), os.Truncate(empty, 1<<40))
	sum, err = extract(t, pack(t, empty, "hole"), dir+"/hole2", "hole", ExtractOptions{})
	if err != nil || sum.Problems != 0 {
		t.Fatal(err, sum)
	}
	if fi, err := os.Stat(dir + "/hole2"); err != nil || fi.Size() != 1<<40 {
		t.Error(fi, err)
	}
}

// A program that runs is replaced, as is a read-only file; a file is never there in part.
func TestOverRunning(t *testing.T) {
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	must(t, err)
	b, err := os.ReadFile(sleep)
	must(t, err, os.WriteFile(dir+"/sleep", b, 0o755))
	cmd := exec.Command(dir+"/sleep", "60")
	must(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	write(t, dir+"/new", "new program", 0o755)
	archive := pack(t, dir+"/new", "new")
	_, err = extract(t, archive[:len(archive)-3*blockSize+5], dir+"/sleep", "new", ExtractOptions{})
	if !errors.Is(err, ErrCut) {
		t.Errorf("cut short: %v", err)
	}
	if got, err := os.ReadFile(dir + "/sleep"); err != nil || !bytes.Equal(got, b) {
		t.Errorf("a copy that was cut short has changed the file: %v", err)
	}
	sum, err := extract(t, archive, dir+"/sleep", "new", ExtractOptions{})
	if err != nil || sum.Err() != nil {
		t.Fatal(err, sum.Err())
	}
	if got, _ := os.ReadFile(dir + "/sleep"); string(got) != "new program" {
		t.Errorf("%.20q", got)
	}
	if left, _ := filepath.Glob(dir + "/.daytwo*"); left != nil {
		t.Errorf("left: %q", left)
	}
}

// An archive that ends anywhere but at its end is an error.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/src", 0o755))
	for _, name := range []string{"a", "b", "c"} {
		write(t, dir+"/src/"+name, strings.Repeat(name, 700), 0o600)
	}
	b := pack(t, dir+"/src", "src")
	for n := 0; n < len(b); n += 100 {
		if _, err := extract(t, b[:n], dir+"/dest", "src", ExtractOptions{}); !errors.Is(err, ErrCut) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

// Owners are kept by a flag, and set-user-id with them only.
func TestOwner(t *testing.T) {
	rig.NeedRoot(t, "giving files away")
	dir := t.TempDir()
	write(t, dir+"/f", "x", 0o755)
	must(t, os.Chown(dir+"/f", 1234, 2345), unix.Chmod(dir+"/f", 0o4755))
	b := pack(t, dir+"/f", "f")
	for _, owner := range []bool{false, true} {
		_, err := extract(t, b, dir+"/g", "f", ExtractOptions{Owner: owner})
		must(t, err)
		var st unix.Stat_t
		must(t, unix.Stat(dir+"/g", &st))
		if owner && (st.Uid != 1234 || st.Gid != 2345 || st.Mode&0o7777 != 0o4755) ||
			!owner && (st.Uid != 0 || st.Mode&0o7777 != 0o755) {
			t.Errorf("owner %v: %d:%d %o", owner, st.Uid, st.Gid, st.Mode)
		}
	}
}

// Devices, sockets and files of the kernel are left out, and said.
func TestSpecial(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/src", 0o755), unix.Mknod(dir+"/src/sock", unix.S_IFSOCK|0o600, 0))
	write(t, dir+"/src/f", "x", 0o600)
	n := int64(1)
	if err := unix.Mknod(dir+"/src/null", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err == nil {
		n++
	}
	var said []string
	var b bytes.Buffer
	src, err := NewSource(dir+"/src", Open)
	must(t, err)
	sum, err := Pack(&b, src, PackOptions{Name: "src", Say: func(s string) { said = append(said, s) }})
	if err != nil || sum.Problems != n || !strings.Contains(strings.Join(said, "\n"), "src/sock: it is a socket") {
		t.Errorf("%v %+v %q", err, sum, said)
	}
	_, err = extract(t, b.Bytes(), dir+"/dest", "src", ExtractOptions{})
	must(t, err)
	if got, _ := os.ReadFile(dir + "/dest/f"); string(got) != "x" {
		t.Error("what can be copied was not")
	}
	// A file of /proc says that it has no bytes.
	if b := pack(t, "/proc/self/status", "status"); !bytes.Contains(b, []byte("\nPid:")) {
		t.Error("a file of /proc is empty")
	}
}
