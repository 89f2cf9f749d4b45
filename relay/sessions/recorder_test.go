package sessions

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
)

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// screen collects output.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *screen) until(t testing.TB, text string) {
	t.Helper()
	rig.Eventually(t, 20*time.Second, func() error {
		if !strings.Contains(s.String(), text) {
			return fmt.Errorf("no %q in %q", text, s.String())
		}
		return nil
	})
}

// What a terminal shows is recorded, once, whoever watches, with its sizes and with what is typed; a
// secret that is typed without echo is not.
func TestRecordingOfTerminal(t *testing.T) {
	w := newWorld(t, session.Limits{})
	r := w.relay("relay1", t.TempDir())
	var out, second, seen screen
	var started wire.Start
	var notes screen
	script := `stty echo; echo name; read a; stty -echo; echo password; read p; stty echo; ` +
		`echo "got $a ${#p}"; read c; exit 5`
	command := session.Command{Args: []string{"/bin/sh", "-c", script}, Stdin: true, TTY: true}
	c, id := r.client("sue", command, sessionclient.Options{Stdout: &out, Started: func(s wire.Start) { started = s },
		Watched: func(n uint64, name string) { fmt.Fprintf(&notes, "%d %s\n", n, name) }})
	done := make(chan session.Exit, 1)
	go func() {
		exit, err := c.Run(within(t, time.Minute))
		if err != nil {
			t.Error(err)
		}
		done <- exit
	}()
	out.until(t, "name")
	other := r.attached("sue", id, false, sessionclient.Options{Stdout: &second,
		From: [wire.Streams]uint64{wire.Stdout: wire.FromOldest, wire.Stderr: wire.FromOldest}})
	auditor := r.attached("aud", id, true, sessionclient.Options{Stdout: &seen,
		From: [wire.Streams]uint64{wire.Stdout: wire.FromOldest, wire.Stderr: wire.FromOldest}})
	ctx, stop := context.WithCancel(within(t, time.Minute))
	var work sync.WaitGroup
	for _, s := range []*sessionclient.Session{other, auditor} {
		work.Go(func() { _, _ = s.Run(ctx) })
	}
	second.until(t, "name")
	seen.until(t, "name")
	notes.until(t, "1 aud")
	auditor.Claim(true) // an auditor never writes
	go func() { _, _ = auditor.WriteContext(ctx, []byte("evil\n")) }()
	c.Resize(40, 100)
	fmt.Fprint(c, "ann\n")
	out.until(t, "password")
	fmt.Fprint(c, "secret-word\n")
	out.until(t, "got ann 11")
	second.until(t, "got ann 11")
	fmt.Fprint(c, "end\n")
	if exit := <-done; exit.Code != 5 || !started.Recorded || !started.RecordedInput || !started.TTY {
		t.Errorf("%+v, %+v", exit, started)
	}
	stop()
	work.Wait()
	list := r.pieces(id)
	if len(list) != 1 || list[0].Exit == nil || list[0].User != "sue" || list[0].Rule != "rule 1 recorded" ||
		list[0].Tags["task_name"] != "web" || list[0].Stdout.To == 0 {
		t.Fatalf("%+v", list)
	}
	file, err := os.ReadFile(filepath.Join(r.dir, id+"."+list[0].Piece+".cast"))
	if err != nil || bytes.Contains(file, []byte("secret")) {
		t.Errorf("%v: the secret is in %s", err, file)
	}
	got := read(t, recording.Join(r.open(list[0], nil)))
	if got.out != out.String() || got.code != 5 || got.in != "ann\nend\n" || len(got.gaps) > 0 || got.cut != nil ||
		!strings.Contains(strings.Join(got.sizes, " "), "100x40") {
		t.Errorf("%+v, and the terminal showed %q", got, out.String())
	}
	checkPlayers(t, r, list[0], out.String())
}

// A recording has everything, however much there is, with a client and without one.
func TestRecordingIsComplete(t *testing.T) {
	w := newWorld(t, session.Limits{})
	r := w.relay("relay1", t.TempDir())
	const size = 20_000_000
	for name, detach := range map[string]bool{"attached": false, "detached": true} {
		t.Run(name, func(t *testing.T) {
			var out screen
			c, id := r.client("sue", sh(fmt.Sprintf("yes 0123456789abcde | head -c %d; echo end >&2", size)),
				sessionclient.Options{Stdout: &out})
			if detach {
				go func() {
					out.until(t, "0123")
					c.Detach()
				}()
			}
			exit, err := c.Run(within(t, time.Minute))
			if !detach && (err != nil || exit.Code != 0) {
				t.Fatalf("%+v, %v", exit, err)
			}
			rig.Eventually(t, time.Minute, func() error {
				if list := r.pieces(id); list[0].Exit == nil {
					return fmt.Errorf("%+v", list)
				}
				return nil
			})
			got := read(t, recording.Join(r.open(r.pieces(id)[0], nil)))
			want := strings.Repeat("0123456789abcde\r\n", size/16)
			if got.out != want || got.errs != "end\r\n" || len(got.gaps) > 0 || got.code != 0 {
				t.Errorf("%d bytes, want %d; %q, %v, %d", len(got.out), len(want), got.errs, got.gaps, got.code)
			}
		})
	}
}

// A session that has to be recorded and cannot be, ends, or does not start. Others are not
// concerned.
func TestDiskFullWhileRecording(t *testing.T) {
	w := newWorld(t, session.Limits{})
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "3m")
	r := w.relay("relay1", dir)
	c, id := r.client("sue", sh("yes 0123456789abcde | head -c 50000000; sleep 60"),
		sessionclient.Options{Stdout: new(screen)})
	begun := time.Now()
	exit, err := c.Run(within(t, time.Minute))
	if err != nil || exit.Reason != session.PolicyEnded || exit.Code == 0 {
		t.Errorf("%+v, %v", exit, err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("that took %v", took)
	}
	list := r.pieces(id)
	if len(list) != 1 || !strings.Contains(list[0].Error, "no space left") {
		t.Errorf("%+v", list)
	}
	got := read(t, recording.Join(r.open(list[0], nil)))
	if len(got.out) < 1<<20 || got.cut != nil || strings.TrimLeft(got.out, "0123456789abcde\r\n") != "" {
		t.Errorf("%d bytes, %v", len(got.out), got.cut)
	}
	c, id = r.client("sue", sh("true"), sessionclient.Options{})
	if _, err := c.Run(within(t, time.Minute)); err == nil ||
		!strings.Contains(err.Error(), "recording cannot be written") {
		t.Errorf("a session begins without a recording: %v", err)
	}
	if again, _ := r.o.Recordings.Select(func(i *recording.Info) bool { return i.Session == id }, "", 1); len(again) > 0 {
		t.Errorf("%+v", again)
	}
	c, _ = r.client("ned", sh("exit 3"), sessionclient.Options{})
	if exit, err := c.Run(within(t, time.Minute)); err != nil || exit.Code != 3 {
		t.Errorf("a session that is not recorded: %+v, %v", exit, err)
	}
}

// A relay that is started again goes on with a recording; another one does, too, if a client comes by
// it. Both have together what was printed, encrypted or not.
func TestRecordingGoesOn(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipients := filepath.Join(t.TempDir(), "recipients")
	if err := os.WriteFile(recipients, []byte(key.Recipient().String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	encrypt := func(o *recordings.Options) { o.Recipients = recipients }
	w := newWorld(t, session.Limits{})
	for _, c := range []struct {
		name, second string
		same         bool
	}{{"the same relay", "relay1", true}, {"another relay", "relay2", false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := w.TempDir()
			first := w.relay("relay1", dir, encrypt)
			var out screen
			ctx, cut := context.WithCancel(within(t, time.Minute))
			s, id := first.client("sue", sh("i=0; while read x; do i=$((i+1)); echo $i $x; done; exit 4"),
				sessionclient.Options{Stdout: &out})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = s.Run(ctx)
			}()
			fmt.Fprint(s, "one\n")
			out.until(t, "1 one")
			time.Sleep(200 * time.Millisecond)
			first.Close()
			cut()
			<-ended
			if !c.same {
				dir = w.TempDir()
			}
			second := w.relay(c.second, dir, encrypt)
			var more screen
			s = second.attached("sue", id, false, sessionclient.Options{Stdout: &more,
				From: [wire.Streams]uint64{wire.Stdout: wire.FromOldest, wire.Stderr: wire.FromOldest}})
			go func() {
				more.until(t, "1 one")
				s.Claim(true)
				fmt.Fprint(s, "two\n")
				more.until(t, "2 two")
				s.CloseWrite()
			}()
			if exit, err := s.Run(within(t, time.Minute)); err != nil || exit.Code != 4 {
				t.Fatalf("%+v, %v", exit, err)
			}
			var pieces []*recording.Reader
			identities := recording.Identities{key}
			if !c.same {
				pieces = append(pieces, first.open(first.pieces(id)[0], identities))
			}
			for _, i := range second.pieces(id) {
				if !i.Encrypted {
					t.Errorf("%+v", i)
				}
				pieces = append(pieces, second.open(i, identities))
			}
			got := read(t, recording.Join(pieces...))
			if len(pieces) != 2 || got.out != "1 one\r\n2 two\r\n" || len(got.gaps) > 0 || got.code != 4 {
				t.Errorf("%d pieces: %+v", len(pieces), got)
			}
		})
	}
}

// A session that nobody records any more ends.
func TestNobodyRecords(t *testing.T) {
	w := newWorld(t, session.Limits{Detached: time.Second})
	r := w.relay("relay1", t.TempDir())
	other := w.relay("relay2", t.TempDir())
	var out screen
	c, id := r.client("sue", sh("echo begun; sleep 100"), sessionclient.Options{Stdout: &out})
	go func() { _, _ = c.Run(within(t, time.Minute)) }()
	out.until(t, "begun")
	second := other.attached("sue", id, false, sessionclient.Options{Stdout: new(screen)})
	ended := make(chan session.Exit, 1)
	go func() {
		exit, _ := second.Run(within(t, time.Minute))
		ended <- exit
	}()
	time.Sleep(500 * time.Millisecond)
	r.Close()
	select {
	case exit := <-ended:
		if exit.Reason != session.PolicyEnded {
			t.Errorf("%+v", exit)
		}
	case <-time.After(30 * time.Second):
		t.Error("it goes on")
	}
}
