package origin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// startAPI serves a table on a socket.
func startAPI(t *testing.T, tab *Table) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), launch.SocketName)
	ln, err := launch.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := Server(tab, nil)
	WithAgentID(s, "agent-1")
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return path
}

// ask sends raw bytes, as another client implementation would.
func ask(t *testing.T, path, request string) (code int, body string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// mesos returns a request as libprocess writes it to a unix socket: with an empty Host.
func mesos(method, path, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: \r\nAccept: application/json\r\nContent-Type: "+
		"application/json\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
}

// The API fulfils the contract of the isolator, as a Mesos agent uses it.
func TestIsolator(t *testing.T) {
	given := rig.Ports(t, 4)
	given.Last = given.First + 3
	ports := strings.NewReplacer("PORT1", fmt.Sprint(given.First+1), "PORT2", fmt.Sprint(given.First+2), "PORT3",
		fmt.Sprint(given.First+3))
	tab := newTable(t, Config{Ports: given, File: filepath.Join(t.TempDir(), "e.json")})
	path := startAPI(t, tab)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v (%v)", info.Mode(), err)
	}
	check := func(method, at, body string, code int, want string) {
		t.Helper()
		body, want = ports.Replace(body), ports.Replace(want)
		gotCode, got := ask(t, path, mesos(method, at, body))
		if gotCode != code || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", method, at, body, gotCode, got, code, want)
		}
	}
	check("GET", "/containers", "", 200, "[]")
	one := `{"container_id":"28df-a.b","statsd_host":"127.0.0.1","statsd_port":PORT1}`
	check("POST", "/container", `{"container_id":"28df-a.b"}`, 201, one)
	check("POST", "/container", `{"container_id":"28df-a.b"}`, 201, one)
	check("POST", "/container", `{"container_id":"28df-a.b","statsd_port":PORT2}`, 409, "another port")
	check("POST", "/container", `{"container_id":"two","statsd_port":PORT2,"unknown":[1]}`, 201, "PORT2")
	check("GET", "/container/28df-a.b", "", 200, one)
	check("GET", "/container/nobody", "", 404, "no such container")
	check("GET", "/containers", "", 200, `[`+one+`,{"container_id":"two"`)
	check("GET", "/health", "", 200, "ok")
	check("POST", "/container", `{"container_id":"three"}`, 201, "PORT3")
	check("POST", "/container", `{"container_id":"four"}`, 503, "ports")
	check("DELETE", "/container/two", "", 202, "")
	check("DELETE", "/container/two", "", 404, "no such container")
	check("POST", "/container", `{"container_id":"four"}`, 201, "PORT2")
	for _, body := range []string{``, `{}`, `[]`, `{"container_id":"a/b"}`, `{"container_id":".."}`, `{"container_id":7}`,
		`{"container_id":"x","statsd_port":70000}`,
		`{"container_id":"x","cgroup":"relative"}`, `{"container_id":"x","cgroup":"/a/../b"}`,
		`{"container_id":"x","labels":{"":"v"}}`,
		`{"container_id":"` + strings.Repeat("x", 300) + `"}`, `{"container_id":"x","name":"` + strings.Repeat("n",
			launch.MaxBody) + `"}`, strings.Repeat(" ", launch.MaxBody) + `{"container_id":"x"}`} {
		check("POST", "/container", body, 400, "error")
	}
	check("PUT", "/container", "", 405, "Method")
	if n := len(tab.Endpoints()); n != 3 {
		t.Errorf("%d endpoints", n)
	}
}

// Without a StatsD server, launchers are answered that they should go on without it.
func TestNoStatsd(t *testing.T) {
	path := startAPI(t, nil)
	if code, body := ask(t, path, mesos("POST", "/container", `{"container_id":"a"}`)); code != 204 || body != "" {
		t.Errorf("%d %s", code, body)
	}
	c, err := launch.NewClient(path).Add(t.Context(), launch.Request{ContainerID: "a"})
	if err != launch.ErrNoStatsd || c.AgentID != "agent-1" {
		t.Errorf("the client says %+v, %v", c, err)
	}
}

// The client and the server agree, and a second server does not take over the socket.
func TestClient(t *testing.T) {
	tab := newTable(t, Config{})
	path := startAPI(t, tab)
	c := launch.NewClient(path)
	want := launch.Container{ContainerID: "a", StatsdHost: "127.0.0.1", StatsdPort: tab.c.Ports.First + 1, Name: "n",
		Labels: map[string]string{"k": "v,w"}, AgentID: "agent-1"}
	got, err := c.Add(t.Context(), launch.Request{ContainerID: "a", Name: "n", Labels: want.Labels})
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
	if all, err := c.List(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v (%v)", all, err)
	}
	if err := c.Remove(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if err := c.Remove(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "no such container") {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := launch.Listen(path); err == nil {
		t.Error("a second server took the socket")
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"container_id":"28df","labels":{"a":"b"},"cgroup":"/a/b","netns":"/proc/1/ns/net",` +
		`"statsd_port":20001}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readRequest(bytes.NewReader(b))
		if err != nil {
			return
		}
		if strings.ContainsAny(r.ContainerID, "/\n ") || r.ContainerID == "" {
			t.Fatalf("took the id %q", r.ContainerID)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
