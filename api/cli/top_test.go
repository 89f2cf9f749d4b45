package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/gdamore/tcell/v2"
)

func ptr[T any](v T) *T { return &v }

// testSample is two nodes and some containers at second s of a run.
func testSample(s int64) *topSample {
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.Local).Add(time.Duration(s) * time.Second)
	c := func(agent, name string, cores float64, memory, limit int64, written int64) v1.Container {
		return v1.Container{
			AgentID: agent, Time: now, Cgroup: "/x/" + name, ContainerID: name + "-id", Name: name, CPUUsed: &cores,
			MemoryCurrent: &memory, MemoryLimit: &limit, Pids: ptr(int64(3)), IORead: ptr(int64(0)), IOWritten: &written,
			Created: ptr(now.Unix() - s - 60),
		}
	}
	none := v1.Container{AgentID: "b2", Time: now, Cgroup: "/x/bare", ContainerID: "bare-id"}
	return &topSample{Time: now,
		Agents: []v1.Agent{
			{AgentID: "a1", Hostname: "alpha", Time: now, Containers: 2, Cores: ptr(int64(4)), CPUUsed: ptr(1.5),
				Load1: ptr(0.5), MemoryTotal: ptr(int64(8 << 30)), MemoryAvailable: ptr(int64(6 << 30)), Uptime: ptr(90000.0)},
			{AgentID: "b2", Time: now.Add(-time.Minute), Stale: true, Containers: 2},
		},
		Containers: []v1.Container{
			c("a1", "web", 0.25, 100<<20, 1<<30, 1000*s),
			c("a1", "db", 1.2, 950<<20, 1<<30, 5<<20*s),
			c("b2", "evil\x1b[31m\u200fname", 0.5, 10<<20, 1<<30, 0),
			none,
		},
	}
}

// screenText is what a simulated terminal shows, without trailing blanks.
func screenText(s tcell.SimulationScreen) string {
	cells, width, height := s.GetContents()
	var b strings.Builder
	for y := range height {
		var line strings.Builder
		for x := 0; x < width; x++ {
			if r := cells[y*width+x].Runes; len(r) > 0 {
				line.WriteString(string(r))
			} else {
				line.WriteByte(' ')
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func testScreen(t *testing.T, width, height int) tcell.SimulationScreen {
	t.Helper()
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	s.SetSize(width, height)
	t.Cleanup(s.Fini)
	return s
}

// press sends keys: names of tcell in <>, else runes.
func press(t *testing.T, m *topModel, keys string) {
	t.Helper()
	named := map[string]tcell.Key{
		"up": tcell.KeyUp, "down": tcell.KeyDown, "right": tcell.KeyRight, "left": tcell.KeyLeft,
		"home": tcell.KeyHome, "end": tcell.KeyEnd, "pgup": tcell.KeyPgUp, "pgdn": tcell.KeyPgDn,
		"enter": tcell.KeyEnter, "esc": tcell.KeyEscape, "tab": tcell.KeyTab, "bs": tcell.KeyBackspace2,
	}
	for keys != "" {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(keys, "<"), ">"); ok && keys[0] == '<' && named[name] != 0 {
			m.key(tcell.NewEventKey(named[name], 0, tcell.ModNone))
			keys = rest
			continue
		}
		r := []rune(keys)[0]
		m.key(tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone))
		keys = keys[len(string(r)):]
	}
}

func names(m *topModel) string {
	var n []string
	for i := range m.entries {
		n = append(n, printable(m.entries[i].name))
	}
	return strings.Join(n, " ")
}

func TestTopScreen(t *testing.T) {
	m := newTopModel(topOptions{sort: "cpu"})
	show := func(name string, width, height int) {
		t.Helper()
		s := testScreen(t, width, height)
		m.draw(s)
		s.Show()
		golden(t, "top-"+name+".txt", screenText(s))
	}
	show("asking", 100, 10)
	m.update(testSample(0))
	m.update(testSample(2))
	show("containers", 130, 12)
	show("narrow", 60, 12)
	show("tiny", 10, 3)
	press(t, m, "/al")
	show("typing", 100, 10)
	press(t, m, "<esc>a")
	show("nodes", 100, 10)
	press(t, m, "?")
	show("help", 100, 20)
	press(t, m, "x<enter>")
	show("node-containers", 100, 10)
	m.failure = errors.New("no answer from http://x")
	show("failure", 100, 10)
}

func TestTopKeys(t *testing.T) {
	m := newTopModel(topOptions{sort: "cpu"})
	m.update(testSample(0))
	m.update(testSample(2))
	check := func(keys, want string) {
		t.Helper()
		press(t, m, keys)
		if got := names(m); got != want {
			t.Errorf("after %s: %s, want %s", keys, got, want)
		}
	}
	check("", "db evil?[31m?name web bare-id") // what is absent comes last
	check("r", "web evil?[31m?name db bare-id")
	check("r", "db evil?[31m?name web bare-id")
	check("m", "db web evil?[31m?name bare-id")
	check("m", "evil?[31m?name web db bare-id")
	check("n", "bare-id db evil?[31m?name web")
	check("i", "db web evil?[31m?name bare-id")
	check("<left>", "db evil?[31m?name web bare-id") // by reads: none is more than another, so by name
	check("/WE<enter>", "web")
	check("<esc>", "db evil?[31m?name web bare-id")
	check("/al<enter>", "db web") // by node name
	check("/<bs><bs>b2<enter>", "evil?[31m?name bare-id")
	check("<esc>a", "alpha b2")
	check("<enter>", "db web") // the first node's containers
	check("<esc>", "db evil?[31m?name web bare-id")
	check("a<down><enter>", "evil?[31m?name bare-id")
	key := func(k tcell.Key, r rune) (quit bool) { return m.key(tcell.NewEventKey(k, r, 0)) }
	if key(tcell.KeyRune, 'x') || !key(tcell.KeyRune, 'q') || !key(tcell.KeyCtrlC, 0) {
		t.Error("q and ctrl-c quit, x does not")
	}
}

// The cursor stays on its row while others move, and the row on the screen.
func TestTopScroll(t *testing.T) {
	m := newTopModel(topOptions{sort: "name"})
	s := &topSample{Time: time.Now()}
	for i := range 100 {
		s.Containers = append(s.Containers, v1.Container{AgentID: "a", Cgroup: fmt.Sprintf("/c%02d", i)})
	}
	m.update(s)
	m.page = 10
	check := func(keys string, index, offset int) {
		t.Helper()
		press(t, m, keys)
		if m.index() != index || m.offset != offset {
			t.Errorf("after %s: row %d, offset %d; want %d, %d", keys, m.index(), m.offset, index, offset)
		}
	}
	check("", 0, 0)
	check("<up>", 0, 0)
	check("jj<pgdn>", 12, 3)
	check("<end>", 99, 90)
	check("<down>", 99, 90)
	check("k<pgup>", 88, 88)
	s.Containers = s.Containers[50:] // half of them end
	m.update(s)
	check("", 38, 38)
	m.update(&topSample{Time: time.Now()})
	check("", 0, 0)
	check("<down><pgdn><enter>", 0, 0)
	m.update(s)
	check("<home>", 0, 0)
}

func TestCounterRates(t *testing.T) {
	var r counterRates
	key := containerKey(&v1.Container{AgentID: "a1", Cgroup: "/x/web"})
	check := func(s *topSample, want float64) {
		t.Helper()
		got := r.next(s.Containers)[key].written
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	check(testSample(1), math.NaN())
	check(testSample(3), 1000)
	check(testSample(3), 1000) // no new tick: the rate stays
	check(testSample(2), 1000) // nor an older one
	again := testSample(9)
	again.Containers[0].Created = ptr(int64(1)) // another container of the same path
	check(again, math.NaN())
	back := testSample(10)
	back.Containers[0].Created, back.Containers[0].IOWritten = ptr(int64(1)), ptr(int64(0))
	check(back, math.NaN()) // never a negative rate
}

// receive returns the next value from a channel, and fails the test if there is none
// for long.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing happens for 30 s")
		panic("unreachable")
	}
}

// startTop runs top on a screen until done, which gets its error.
func startTop(ctx context.Context, s tcell.Screen, o topOptions, ask asker[topOptions, *topSample]) (done chan error) {
	done = make(chan error, 1)
	go func() { done <- live(ctx, s, newTopModel(o), ask) }()
	return done
}

// The loop queries, goes on after an error, and queries at once when a key needs it.
func TestTopLive(t *testing.T) {
	s := testScreen(t, 100, 12)
	asked := make(chan topOptions, 100)
	var n atomic.Int64
	done := startTop(t.Context(), s, topOptions{sort: "cpu", refresh: refresh{interval: 5 * time.Millisecond}},
		func(ctx context.Context, o topOptions) (*topSample, error) {
			select {
			case asked <- o:
			case <-ctx.Done():
			}
			second := n.Add(1)
			if second == 2 {
				return nil, errors.New("gone for a moment")
			}
			return testSample(second), nil
		})
	for range 4 {
		receive(t, asked)
	}
	s.InjectKey(tcell.KeyRune, 's', tcell.ModNone)
	for deadline := time.Now().Add(30 * time.Second); !receive(t, asked).cgroups; {
		if time.Now().After(deadline) {
			t.Fatal("the key has no effect")
		}
	}
	s.InjectKey(tcell.KeyRune, 'q', tcell.ModNone)
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
}

// The end of the context ends the loop, also while a query is under way.
func TestTopLiveCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := startTop(ctx, testScreen(t, 100, 12), topOptions{sort: "cpu", refresh: refresh{interval: time.Hour}},
		func(ctx context.Context, _ topOptions) (*topSample, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	cancel()
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
}

// With --times the loop ends by itself.
func TestTopLiveTimes(t *testing.T) {
	var n int64
	done := startTop(t.Context(), testScreen(t, 100, 12), topOptions{sort: "cpu",
		refresh: refresh{interval: time.Millisecond, times: 3}},
		func(context.Context, topOptions) (*topSample, error) {
			n++
			return testSample(n), nil
		})
	if err := receive(t, done); err != nil || n != 3 {
		t.Fatalf("%v after %d answers", err, n)
	}
}
