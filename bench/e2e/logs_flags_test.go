package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// flagHost is one host with a journal of its own.
type flagHost struct {
	*logHosts
	dir string // of journal files
}

func startFlagHost(t *testing.T) *flagHost {
	t.Helper()
	h := &flagHost{&logHosts{T: t}, t.TempDir()}
	h.add("a.journal", time.Now().Add(-time.Hour), kernelBoots...)
	h.relay = rig.Up(t, "--no-bpf", "--journal", h.dir)
	return h
}

// add writes a journal file.
func (h *flagHost) add(file string, begin time.Time, entries ...string) {
	h.Helper()
	remote := "/usr/lib/systemd/systemd-journal-remote"
	if _, err := os.Stat(remote); err != nil {
		rig.Missing(h, remote, err.Error(), "apt-get install systemd-journal-remote")
	}
	var b bytes.Buffer
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	current := strings.ReplaceAll(strings.TrimSpace(string(boot)), "-", "")
	for i, e := range entries { // the order is that of the monotonic clock
		at := begin.Add(time.Duration(i) * time.Second).UnixMicro()
		fields, old := strings.CutPrefix(e, "old ")
		id := current
		if old {
			id = strings.Repeat("0d", 16)
		}
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\nMESSAGE=%s %d\n%s\n\n",
			at, at-fleetStart, id, file, i, strings.ReplaceAll(fields, " ", "\n"))
	}
	cmd := exec.Command(remote, "--split-mode=none", "-o", filepath.Join(h.dir, file), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("%v: %s", err, out)
	}
}

// kernelBoots are entries of two boots.
var kernelBoots = []string{
	"old _TRANSPORT=kernel SYSLOG_IDENTIFIER=kernel PRIORITY=3", "old _TRANSPORT=stdout SYSLOG_IDENTIFIER=web",
	"_TRANSPORT=kernel SYSLOG_IDENTIFIER=kernel PRIORITY=6", "_TRANSPORT=kernel SYSLOG_IDENTIFIER=kernel PRIORITY=3",
	"_TRANSPORT=stdout SYSLOG_IDENTIFIER=web PRIORITY=3 _SYSTEMD_UNIT=web.service",
	"_TRANSPORT=syslog SYSLOG_IDENTIFIER=db PRIORITY=6 _SYSTEMD_UNIT=web.service",
	"_TRANSPORT=syslog SYSLOG_IDENTIFIER=web-1 PRIORITY=6",
	"_TRANSPORT=journal SYSLOG_IDENTIFIER=web PRIORITY=6 _UID=0 _SYSTEMD_CGROUP=/launcher CONTAINER_ID=c1 TASK_NAME=t " +
		"FRAMEWORK_ID=f1 FRAMEWORK_NAME=marathon EXECUTOR_ID=e1 APPLICATION_NAME=shop",
	"_TRANSPORT=journal SYSLOG_IDENTIFIER=web PRIORITY=6 _UID=0 _SYSTEMD_CGROUP=/launcher CONTAINER_ID=c2 TASK_NAME=u " +
		"FRAMEWORK_ID=f2 FRAMEWORK_NAME=metronome EXECUTOR_ID=e2 APPLICATION_NAME=shop",
}

// Flags that journalctl has select what journalctl selects.
func TestLogFlagsAsJournalctl(t *testing.T) {
	t.Parallel()
	h := startFlagHost(t)
	for _, args := range []string{
		"-t web", "-t web -t db", "-t web PRIORITY=3", "-t web -t kernel PRIORITY=3 + PRIORITY=6", "-t web -u web.service",
		"-t web -u web", "-k", "-k -p err", "-k -b -1", "-k -n 1", "-k PRIORITY=3 + PRIORITY=6", "--dmesg -r", "-n all",
		"-n all -b -t web", "-n 3", "-k -t kernel", "-n all -p err",
	} {
		flags := append(strings.Fields(args), "-o", "cat")
		out, err := exec.Command("journalctl", append([]string{"-D", h.dir, "-q", "--no-pager"}, flags...)...).Output()
		if err != nil || len(out) == 0 {
			t.Fatalf("journalctl %s: %v, %q", args, err, out)
		}
		h.prints(string(out), 0, append([]string{"log"}, flags...)...)
	}
	// Those of the API have no counterpart.
	for args, want := range map[string]string{
		"--framework marathon": "7", "--framework f2": "8", "--framework m*": "7 8", "--executor e1": "7",
		"--executor e1 --executor e2": "7 8", "--application shop": "7 8", "--application shop --framework f2": "8",
		"--container c1": "7", "--task u": "8",
	} {
		text := ""
		for n := range strings.FieldsSeq(want) {
			text += "a.journal " + n + "\n"
		}
		h.prints(text, 0, append([]string{"log", "-o", "cat"}, strings.Fields(args)...)...)
		h.prints(text, 0, append([]string{"node", "log", "", "-o", "cat"}, strings.Fields(args)...)...)
	}
	for _, args := range []string{"--framework nosuch", "--executor nosuch", "--application nosuch", "-t nosuch"} {
		if out, errs, status := h.run(append([]string{"log"}, strings.Fields(args)...)...); status != 1 || out != "" ||
			errs == "" {
			t.Errorf("%s: status %d, %q %s", args, status, out, errs)
		}
	}

	// As journalctl's, a unit that there is not yet is followed, with its suffix or without.
	journalctl := follow(t, exec.Command("journalctl", "-D", h.dir, "-q", "-f", "-o", "cat", "-u", "late"))
	bare := h.follow(t, "log", "-f", "-u", "late", "-o", "cat")
	whole := h.follow(t, "log", "-f", "-u", "late.service", "-o", "cat")
	for _, f := range []*logFollower{bare, whole} {
		rig.Eventually(t, 20*time.Second, func() error {
			if !strings.Contains(f.err.String(), "nothing matches yet") {
				return fmt.Errorf("%q", f.err.String())
			}
			return nil
		})
	}
	h.add("b.journal", time.Now(), "_SYSTEMD_UNIT=later.service", "_SYSTEMD_UNIT=late.service")
	for _, f := range []*logFollower{journalctl, bare, whole} {
		f.next("b.journal 1")
		if status := f.stop(); status > 0 && status != 130 {
			t.Errorf("interrupted: status %d, %s", status, f.err.String())
		}
	}
	h.relay.Stop(t)
}

// What follows in the export format goes on after its connection broke, with whole entries,
// each once.
func TestExportFollowsOn(t *testing.T) {
	t.Parallel()
	h := startFlagHost(t)
	to, err := url.Parse(h.relay.Relay.URL)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	var cut atomic.Pointer[func()]
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		requests.Add(1)
		body := r.Body
		f := func() { body.Close() }
		cut.Store(&f)
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: proxy}
	go srv.Serve(l)
	defer srv.Close()

	cmd := exec.Command(rig.Binary(t), "log", "-f", "-n", "2", "-o", "export", "-t", "web", "--url",
		"http://"+l.Addr().String(), "--token", h.relay.Relay.Token)
	var errs rig.Buffer
	cmd.Stderr = &errs
	p, out := rig.Follow(t, cmd)
	var got rig.Buffer
	go io.Copy(&got, out)
	messages := func() (all []string) {
		for line := range strings.Lines(got.String()) {
			if m, ok := strings.CutPrefix(line, "MESSAGE="); ok {
				all = append(all, strings.TrimSpace(m))
			}
		}
		return all
	}
	wait := func(want ...string) {
		t.Helper()
		rig.Eventually(t, 20*time.Second, func() error {
			if all := messages(); strings.Join(all, ",") != strings.Join(want, ",") {
				return fmt.Errorf("%q, want %q; %s", all, want, errs.String())
			}
			return nil
		})
	}
	wait("a.journal 7", "a.journal 8")
	(*cut.Load())()
	rig.Eventually(t, 20*time.Second, func() error {
		if n := requests.Load(); n < 2 {
			return fmt.Errorf("%d requests", n)
		}
		return nil
	})
	h.add("b.journal", time.Now(), "SYSLOG_IDENTIFIER=web", "SYSLOG_IDENTIFIER=web")
	wait("a.journal 7", "a.journal 8", "b.journal 0", "b.journal 1")
	if n := strings.Count(errs.String(), "the stream broke, and goes on"); n != int(requests.Load())-1 {
		t.Errorf("%d notices of %d requests: %s", n, requests.Load(), cmp.Or(errs.String(), "none"))
	}
	// systemd's own program takes all of it.
	p.Kill()
	back := exec.Command("/usr/lib/systemd/systemd-journal-remote", "--split-mode=none", "-o",
		filepath.Join(t.TempDir(), "back.journal"), "-")
	back.Stdin = strings.NewReader(got.String())
	if out, err := back.CombinedOutput(); err != nil {
		t.Errorf("systemd-journal-remote: %v: %s", err, out)
	}
	h.relay.Stop(t)
}
