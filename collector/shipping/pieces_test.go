package shipping

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/journal/logs"
)

// A line that Docker's driver has cut into pieces is shipped whole and once, though shipping
// ends and goes on between its pieces, and lines of others do not wait for its end.
func TestShipPieces(t *testing.T) {
	const remote = "/lib/systemd/systemd-journal-remote"
	if _, err := exec.LookPath(remote); err != nil {
		rig.Missing(t, remote, err.Error(), "apt-get install systemd-journal-remote")
	}
	dir := t.TempDir()
	cmd := exec.Command(remote, "--split-mode=none", "-o", filepath.Join(dir, "live.journal"), "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	write := func(text string, more ...string) {
		t.Helper()
		now := time.Now().UnixMicro()
		e := fmt.Sprintf("__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=b0070000000000000000000000000001\n"+
			"_UID=0\n_SYSTEMD_CGROUP=/system.slice/docker.service\nMESSAGE=%s\n%s\n",
			now, now, text, strings.Join(more, "\n")+"\n")
		if _, err := io.WriteString(in, strings.ReplaceAll(e, "\n\n\n", "\n\n")); err != nil {
			t.Fatal(err)
		}
	}
	full := strings.Repeat("x", 16<<10)
	piece := func(text string, ordinal int, last bool) {
		t.Helper()
		id := strings.Repeat("ab", 32)
		write(text, "CONTAINER_ID_FULL="+id, "CONTAINER_ID="+id[:12], "CONTAINER_NAME=web", "IMAGE_NAME=i", "PRIORITY=6",
			"CONTAINER_PARTIAL_ID=x", fmt.Sprint("CONTAINER_PARTIAL_ORDINAL=", ordinal),
			fmt.Sprint("CONTAINER_PARTIAL_LAST=", last), fmt.Sprint("CONTAINER_PARTIAL_MESSAGE=", !last))
	}
	n := logs.New(logs.Options{Agent: "a", Dirs: []string{dir}, Log: quiet})
	t.Cleanup(n.Close)
	b := newBroker(t).start().stream()
	o := b.options(nil)
	o.Logs = n
	write("first")
	s := start(t, o)
	s.stored(1)
	piece(full, 1, false)
	piece(full, 2, false)
	write("between") // in front of the third piece, so the second one is not the last
	piece(full, 3, false)
	s.stored(2)
	s.stop() // while it waits
	s = start(t, o)
	piece("end", 4, true)
	write("last")
	s.stored(2)
	s.stop()
	want := []string{"first", "between", full + full + full + "end", "last"}
	got := b.everything()
	if !slices.Equal(got.texts(), want) || len(got.events) > 0 {
		for _, text := range got.texts() {
			t.Errorf("got %.20q, %d bytes", text, len(text))
		}
		t.Error(got.events)
	}
}
