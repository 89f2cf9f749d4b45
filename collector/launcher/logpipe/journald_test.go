package logpipe

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
)

// numbers is how many lines the tests of this file write.
const numbers = 50_000

// inJournald runs body beside a journald of its own.
func inJournald(t *testing.T, config string, body func(t *testing.T, d *rig.Journald)) {
	t.Helper()
	rig.InNamespaces(t, rig.Mount|rig.PID, func(t *testing.T) { body(t, rig.StartJournald(t, config)) })
}

// texts returns the field of entries as bytes: journalctl shows what is not text as a
// list of numbers.
func texts(entries []map[string]any, field string) (all []string) {
	for _, e := range entries {
		switch v := e[field].(type) {
		case string:
			all = append(all, v)
		case []any:
			var b []byte
			for _, n := range v {
				b = append(b, byte(n.(float64)))
			}
			all = append(all, string(b))
		default:
			all = append(all, fmt.Sprint(v))
		}
	}
	return all
}

// journald has every line of every kind byte for byte, with its fields.
func TestJournald(t *testing.T) {
	inJournald(t, "", func(t *testing.T, d *rig.Journald) {
		var want []string
		for _, n := range []int{0, 1, 4095, 4096, 5000, 48 << 10, 64<<10 + 1, 1 << 20, 17 << 20} {
			want = append(want, strings.Repeat("x", n), strings.Repeat("ü", n/2)+strings.Repeat("y", n%2))
		}
		want = append(want, "\x1b[31mred\x07", "cr\r", "inner\x00nul", "bad \xff\xfe utf-8",
			"FIELD=x", "MESSAGE=y", ".", "#", " sp ")
		fields := append([]Field{{"NOTE", "two\nlines"}}, testFields...)
		p := run(t, Options{Fields: fields, LineMax: 32 << 20})
		p.write(0, strings.Join(want, "\n")+"\n")
		p.write(0, "last")
		if stats := p.end(); stats.Lost() || stats.Away > 0 {
			t.Errorf("%+v", stats)
		}
		d.Sync()
		got := d.Entries("SYSLOG_IDENTIFIER=test")
		want = append(want, "last")
		messages := texts(got, "MESSAGE")
		if len(messages) != len(want) {
			t.Fatalf("%d entries, want %d", len(messages), len(want))
		}
		for i, w := range want {
			if messages[i] != w {
				t.Errorf("entry %d is %.50q (%d bytes), want %.50q (%d)", i, messages[i], len(messages[i]), w, len(w))
			}
		}
		for _, e := range got {
			if e["NOTE"] != "two\nlines" || e["CONTAINER_ID"] != testFields[1].Value || e["STREAM"] != "STDOUT" ||
				e["PRIORITY"] != "6" || e["_TRANSPORT"] != "journal" {
				t.Fatalf("%.500v", e)
			}
		}
	})
}

// checkJournal fails the test unless the journal has the lines from 1 to n as
// checkNumbers wants them.
func checkJournal(t *testing.T, d *rig.Journald, n int) (repeated int) {
	t.Helper()
	d.Sync()
	var entries []map[string]string
	for _, e := range d.Entries("--output-fields=MESSAGE,MESSAGE_ID,LINE_RESENT", "SYSLOG_IDENTIFIER=test") {
		one := map[string]string{}
		for _, f := range []string{"MESSAGE", "MESSAGE_ID", "LINE_RESENT"} {
			one[f], _ = e[f].(string)
		}
		entries = append(entries, one)
	}
	return checkNumbers(t, entries, n)
}

// Of many lines, each arrives once and in order.
func TestJournaldMany(t *testing.T) {
	n := 100_000
	if s := os.Getenv("LOGPIPE_LINES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	inJournald(t, "", func(t *testing.T, d *rig.Journald) {
		p := run(t, Options{Fields: testFields})
		p.number(1, n)
		if stats := p.end(); stats.Lost() || stats.Resent > 0 || stats.Lines != uint64(n) {
			t.Errorf("%+v", stats)
		}
		if repeated := checkJournal(t, d, n); repeated > 0 {
			t.Errorf("%d lines came twice", repeated)
		}
	})
}

// A journald that is killed in mid-stream, with a full queue, loses no line. What may be
// there twice is marked, and a report says what happened.
func TestJournaldKilled(t *testing.T) {
	inJournald(t, "", func(t *testing.T, d *rig.Journald) {
		p := run(t, Options{Fields: testFields})
		done := make(chan struct{})
		go func() {
			p.number(1, numbers)
			close(done)
		}()
		for i := range 4 {
			rig.Eventually(t, patience, func() error { // the queue is full, and journald works
				if n := len(d.Entries("MESSAGE=line " + strconv.Itoa((i+1)*numbers/6))); n == 0 {
					return fmt.Errorf("line %d is not there yet", (i+1)*numbers/6)
				}
				return nil
			})
			d.Signal(syscall.SIGKILL)
			<-d.Ended()
			time.Sleep(time.Duration(i) * 20 * time.Millisecond)
			d.Restart()
		}
		<-done
		stats := p.end()
		if stats.Lost() || stats.Away == 0 {
			t.Errorf("%+v", stats)
		}
		repeated := checkJournal(t, d, numbers)
		reports := texts(d.Entries("MESSAGE_ID="+entry.PipeReport), "MESSAGE")
		if len(reports) < int(stats.Away) {
			t.Errorf("%q", reports)
		}
		t.Logf("%+v, %d lines came twice: %q", stats, repeated, reports)
	})
}

// Where systemd holds the socket, the end of journald shows at its process alone, and what
// waits in the socket is not lost. The batch that journald was working on is sent again.
func TestJournaldKilledHeld(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		elsewhere(t)
		d.Kill()
		d.HoldSocket()
		p := run(t, Options{Fields: testFields}) // journald starts later
		d.Restart()
		done := make(chan struct{})
		go func() {
			p.number(1, numbers)
			close(done)
		}()
		for i := range 3 {
			rig.Eventually(t, patience, func() error {
				if n := len(d.Entries("MESSAGE=line " + strconv.Itoa((i+1)*numbers/5))); n == 0 {
					return fmt.Errorf("line %d is not there yet", (i+1)*numbers/5)
				}
				return nil
			})
			d.Kill()
			d.Restart()
		}
		<-done
		stats := p.end()
		if stats.Lost() || stats.Away != 3 {
			t.Errorf("%+v", stats)
		}
		d.Sync()
		first, again := map[string]bool{}, 0
		for _, e := range d.Entries("SYSLOG_IDENTIFIER=test", "STREAM=STDOUT") {
			m := fmt.Sprint(e["MESSAGE"])
			if first[m] {
				again++
				if e["LINE_RESENT"] != "1" {
					t.Fatalf("%s came twice, and the second one is not marked", m)
				}
			}
			first[m] = true
		}
		if len(first) != numbers {
			t.Errorf("%d lines of %d arrived", len(first), numbers)
		}
		t.Logf("%+v, %d lines came twice", stats, again)
	})
}

// elsewhere starts a journald that has its socket at the same path, but in a mount
// namespace of its own, as containers have it.
func elsewhere(t *testing.T) {
	t.Helper()
	const script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d && " +
		"printf '[Journal]\\nReadKMsg=no\\nAudit=no\\nStorage=volatile\\n' >/run/systemd/journald.conf.d/1.conf && " +
		"exec /lib/systemd/systemd-journald"
	p := rig.StartProcess(t, exec.Command("unshare", "--mount", "sh", "-c", script))
	rig.Eventually(t, patience, func() error {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/systemd/journal/stdout", p.Cmd.Process.Pid))
		return err
	})
}

// A journald that stands still makes the task wait, and nothing is lost or sent twice.
func TestJournaldStopped(t *testing.T) {
	inJournald(t, "", func(t *testing.T, d *rig.Journald) {
		p := run(t, Options{Fields: testFields})
		d.Signal(syscall.SIGSTOP)
		done := make(chan struct{})
		go func() {
			p.number(1, numbers)
			close(done)
		}()
		select {
		case <-done:
			t.Error("the task does not wait")
		case <-time.After(200 * time.Millisecond):
		}
		d.Signal(syscall.SIGCONT)
		<-done
		if stats := p.end(); stats.Lost() || stats.Resent > 0 {
			t.Errorf("%+v", stats)
		}
		checkJournal(t, d, numbers)
	})
}

// Our entries are those that systemd-cat makes of the same lines, but for blank lines,
// which systemd-cat loses.
func TestSystemdCat(t *testing.T) {
	inJournald(t, "", func(t *testing.T, d *rig.Journald) {
		text := "one\n\ntwo ä\n<3>x\nlast"
		cmd := exec.Command("systemd-cat", "-t", "cat", "--level-prefix=false")
		cmd.Stdin = bytes.NewReader([]byte(text))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		lines := func(name string) (all []string) {
			d.Sync()
			for _, m := range texts(d.Entries("SYSLOG_IDENTIFIER="+name, "PRIORITY=6"), "MESSAGE") {
				if m != "" {
					all = append(all, m)
				}
			}
			return all
		}
		p := run(t, Options{Fields: testFields})
		p.write(0, text)
		p.end()
		if d := cmp.Diff(lines("cat"), lines("test")); d != "" {
			t.Error(d)
		}
	})
}
