package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// noSessions answers nothing: it is there for a relay that has sessions.
type noSessions struct{ broker.Sessions }

// Attaching to a task itself shows what it prints, for the time being.
func TestDCOSAttachTask(t *testing.T) {
	l := &dcosLogs{Logs: testlogs.New("")}
	relay := serve(t, Options{Fleet: testtick.Local(testtick.New(2, true)), Agent: testtick.Agent, Cluster: "c",
		Version: "1", Logs: l, Sessions: noSessions{}})
	t.Cleanup(relay.CloseClientConnections) // a follower never ends
	l.add(0, "STDOUT", "before")
	attach := func(container string) (*http.Response, error) {
		body := fmt.Sprintf(`{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{"container_id":{"value":%q}}}`,
			container)
		req, err := http.NewRequestWithContext(t.Context(), "POST", relay.URL+"/agent/"+testtick.Agent+"/api/v1",
			strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "token="+testToken)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/recordio")
		req.Header.Set("Message-Accept", "application/json")
		return http.DefaultClient.Do(req)
	}
	resp, err := attach(fmt.Sprintf("%064x", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if h := resp.Header; resp.StatusCode != http.StatusOK || h.Get("Content-Type") != "application/recordio" ||
		h.Get("Message-Content-Type") != "application/json" {
		t.Fatalf("%d, %v", resp.StatusCode, h)
	}
	l.add(1, "STDOUT", "another one's")
	long := strings.Repeat("0123456789", 5000)
	l.add(0, "STDOUT", "out")
	l.add(0, "STDERR", "err")
	l.add(0, "STDOUT", long)
	r := bufio.NewReader(resp.Body)
	got := map[string]string{}
	for end := time.Now().Add(20 * time.Second); len(got["STDOUT"]) < len("out\n")+len(long)+1; {
		line, err := r.ReadString('\n')
		if err != nil || time.Now().After(end) {
			t.Fatalf("%v after %.200q", err, got)
		}
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || n > 16<<10 {
			t.Fatalf("a record of %q bytes: %v", line, err)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		var m struct {
			Data struct {
				Type string
				Data []byte
			}
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		got[m.Data.Type] += string(m.Data.Data)
	}
	if got["STDOUT"] != "out\n"+long+"\n" || got["STDERR"] != "err\n" {
		t.Errorf("%.200q", got)
	}
	if resp, err = attach("nothing-of-this-id"); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown container: %d %s, %v", resp.StatusCode, b, err)
	}
}
