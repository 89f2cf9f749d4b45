package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/bench/rig"
)

// shortLines is what a short container prints.
const shortLines = 10

// L-A11: containers that print ten lines and exit at once, followed from the start by their
// names. Each has its ten lines, and then an end within a second or two, with slack for what
// else this machine does; of one whose file the runtime deletes under the reader, what could not be
// read is said. DAYTWO_SHORT_CONTAINERS is how many there are of each driver.
func TestFollowShortContainers(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		rig.StartJournald(t, "")
		docker := rig.Docker(t)
		n := 10
		if s := os.Getenv("DAYTWO_SHORT_CONTAINERS"); s != "" {
			n, _ = strconv.Atoi(s)
		}
		d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf"},
			Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
		c := clientOf(d.Relay)
		for _, driver := range []string{"journald --rm", "json-file", "json-file --rm"} {
			t.Run(driver, func(t *testing.T) {
				begun := time.Now()
				var late []time.Duration
				var mu sync.Mutex
				var work sync.WaitGroup
				slots := make(chan struct{}, 4)
				whole := 0
				for range n {
					slots <- struct{}{}
					work.Go(func() {
						defer func() { <-slots }()
						s := followShort(t, c, docker, driver)
						mu.Lock()
						defer mu.Unlock()
						late = append(late, s.late)
						if s.lines == shortLines {
							whole++
						}
						if err := s.check(strings.HasSuffix(driver, "json-file --rm")); err != nil {
							t.Errorf("%s: %v", s.name, err)
						}
					})
				}
				work.Wait()
				slices.Sort(late)
				t.Logf("%d containers in %v, %d whole; an end after %v in the middle, %v at most", n,
					time.Since(begun).Round(time.Second), whole, late[n/2], late[n-1])
				if late[n/2] > 3*time.Second || late[n-1] > 15*time.Second {
					t.Error("ends come late")
				}
			})
		}
		d.Stop(t)
	})
}

// short is what a query that follows a short container had of it.
type short struct {
	name  string
	lines int
	wrong string        // a line that is not the next one
	said  []string      // events, and the error
	late  time.Duration // from the container's end, or from the last line if that came later, to the end
}

// followShort runs a container, and follows it meanwhile.
func followShort(t *testing.T, c *client.Client, docker *rig.Engine, driver string) (s short) {
	s.name = rig.UniqueName("short")
	var ended time.Time
	ran := make(chan error, 1)
	go func() {
		defer close(ran)
		args := append([]string{"run", "--network", "none", "--name", s.name, "--log-driver"}, strings.Fields(driver)...)
		args = append(args, rig.Image, "sh", "-c", fmt.Sprintf("for i in $(seq %d); do echo line $i; done", shortLines))
		cmd := exec.Command(docker.Bin[0], append(docker.Bin[1:len(docker.Bin):len(docker.Bin)], args...)...)
		out, err := cmd.CombinedOutput()
		if ended = time.Now(); err != nil {
			ran <- fmt.Errorf("%w: %s", err, out)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	q := url.Values{"task": {s.name}, "follow": {"1"}, "limit": {"all"}}
	var last time.Time
	for again := true; again; {
		again = false
		for e, err := range c.Logs(ctx, q) {
			switch {
			case client.NotFound(err):
				select {
				case <-ran:
					s.said = append(s.said, err.Error())
				default:
					again = true // Docker has not started it yet
				}
			case err != nil:
				s.said = append(s.said, err.Error())
			case e.Event != "" && e.Event != "waiting":
				s.said = append(s.said, e.Event)
			case e.Event == "":
				last = time.Now()
				if s.lines++; e.Fields["MESSAGE"] != fmt.Sprint("line ", s.lines) && s.wrong == "" {
					s.wrong = fmt.Sprintf("line %d is %q", s.lines, e.Fields["MESSAGE"])
				}
			}
		}
	}
	over := time.Now()
	if err := <-ran; err != nil {
		s.said = append(s.said, err.Error())
	}
	if last.Before(ended) {
		last = ended
	}
	s.late = over.Sub(last)
	return s
}

// saysMissing is what is said of a file that is gone, perhaps once more when it is looked for again.
var saysMissing = regexp.MustCompile(`^(unreadable, )+ended$`)

// check returns what is wrong. Of a container whose file is gone, something must be said.
func (s *short) check(mayMiss bool) error {
	told := strings.Join(s.said, ", ")
	switch {
	case s.wrong != "":
		return errors.New(s.wrong)
	case s.lines == shortLines && told == "ended":
		return nil
	case mayMiss && s.lines == 0 && (saysMissing.MatchString(told) || strings.Contains(told, "nothing matches")):
		return nil
	}
	return fmt.Errorf("%d lines, then: %s", s.lines, told)
}
