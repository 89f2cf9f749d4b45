package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/daytwo/daytwo"

// pkg is a package as go list describes it.
type pkg struct {
	ImportPath, Dir, Name string
	Standard              bool
	Imports, Deps         []string
}

func list(t *testing.T, arch string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Name,Standard,Imports,Deps", "./...")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, errs.String())
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
	return all
}

// room returns the top-level directory of one of our packages ("" for main.go's and
// for packages of others), and sub the path below it.
func room(path string) (room, sub string) {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return "", ""
	}
	room, sub, _ = strings.Cut(rest, "/")
	return room, sub
}

// mayImport reports whether a package may import another of ours, by the table of
// rooms in ARCHITECTURE.md.
func mayImport(from, to string) bool {
	fr, fs := room(from)
	tr, ts := room(to)
	top := func(s string) string { s, _, _ = strings.Cut(s, "/"); return s }
	switch fr {
	case "": // main.go, which imports rooms and nothing inside of them
		return (tr == "collector" || tr == "relay") && ts == "" || tr == "api" && ts == top(ts)
	case "bpf":
		return tr == "bpf"
	case "collector":
		return tr == "api" || tr == "bpf" || tr == fr && (fs == "" || top(fs) == top(ts) || ts == "bounded")
	case "relay":
		return tr == "api" || tr == fr && (fs == "" || top(fs) == top(ts))
	case "api":
		return tr == "api"
	case "bench":
		// Tests inside any package import the rig: it may import none of those packages.
		return fs != "rig" || to == module+"/api/launch"
	}
	return false
}

// Rooms import one another in one direction only, and siblings in collector/ and
// relay/ not at all.
func TestImports(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		for path, p := range list(t, arch) {
			if path != module && !strings.HasPrefix(path, module+"/") {
				continue
			}
			for _, to := range p.Imports {
				if (to == module || strings.HasPrefix(to, module+"/")) && !mayImport(path, to) {
					t.Errorf("%s imports %s", path, to)
				}
			}
		}
	}
}

// The rules say no where they should.
func TestImportRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		may      bool
	}{
		{"", "collector", true}, {"", "collector/statsd", false}, {"", "relay/recent", false},
		{"", "api/cli", true}, {"", "api/bus/embedded", false}, {"", "bpf", false}, {"", "bench/rig", false},
		{"collector", "collector/host", true}, {"collector/host", "collector", false},
		{"collector/host", "collector/cgroups", false}, {"collector/host", "collector/bounded", true},
		{"collector/journal/logs", "collector/journal/logfile", true}, {"collector/host", "bpf", true},
		{"collector/host", "relay/recent", false}, {"relay", "relay/recent", true}, {"relay/recent", "relay/fleet", false},
		{"relay/sinks/kafka", "relay/sinks/sink", true}, {"relay", "collector", false}, {"relay", "bpf", false},
		{"api/cli", "api/query", true}, {"api/cli", "collector", false}, {"api/cli", "relay", false},
		{"bpf", "api/metric", false},
		{"bench/rig", "collector", false}, {"bench/rig", "api/launch", true}, {"bench/e2e", "collector", true},
	} {
		path := func(rest string) string { return strings.TrimSuffix(module+"/"+rest, "/") }
		if got := mayImport(path(c.from), path(c.to)); got != c.may {
			t.Errorf("%q may import %q: %v", c.from, c.to, got)
		}
	}
}

// sinkLibraries speak the protocols of receivers of logs: relay/sinks alone links them.
var sinkLibraries = []string{"github.com/twmb/franz-go", "github.com/redis/go-redis", "google.golang.org/grpc",
	"github.com/tinylib/msgp", "go.opentelemetry.io/proto"}

// There are rules for what a room links, too, not only for what it imports.
func TestLinks(t *testing.T) {
	all := list(t, "amd64")
	check := func(room string, never ...string) {
		t.Helper()
		found := false
		for path, p := range all {
			if path != module+"/"+room && !strings.HasPrefix(path, module+"/"+room+"/") {
				continue
			}
			found = true
			for _, dep := range p.Deps {
				if slices.ContainsFunc(never, func(n string) bool { return dep == n || strings.HasPrefix(dep, n+"/") }) {
					t.Errorf("%s links %s", path, dep)
				}
			}
		}
		if !found {
			t.Errorf("no package in %s/", room)
		}
	}
	const natsServer = "github.com/nats-io/nats-server"
	check("collector", slices.Concat(sinkLibraries, []string{module + "/relay", module + "/bench", natsServer,
		"testing"})...)
	check("relay", module+"/collector", module+"/bpf", module+"/bench", "github.com/cilium/ebpf", natsServer, "testing")
	check("api", module+"/collector", module+"/relay", module+"/bpf", module+"/bench", "github.com/cilium/ebpf", "testing")
	check("api", sinkLibraries...)
	for _, room := range []string{"api/query", "relay/recent", "relay/fleet", "api/v1"} { // they know no HTTP
		check(room, "net/http", module+"/api/server", module+"/api/console")
	}
	mayLink := []string{module, module + "/api/up", module + "/api/bus/embedded"} // the NATS server
	for path, p := range all {
		links := slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, natsServer) })
		ours := strings.HasPrefix(path, module) && !strings.HasPrefix(path, module+"/bench/")
		if links && ours && !slices.Contains(mayLink, path) {
			t.Errorf("%s links %s", path, natsServer)
		}
	}
	// The command line talks to no NATS server and makes no cgroup.
	check("api/cli", module+"/api/bus", "github.com/nats-io", "github.com/containerd")
	check("api/client", module+"/api/server", module+"/api/query", module+"/api/metric")
	check("api/server", module+"/api/client")
	// Of DC/OS' routes only those of sessions know who asks, as each session is decided by itself.
	check("api/server/dcos/sessions", module+"/api/console")
	delete(all, module+"/api/server/dcos/sessions")
	for _, room := range []string{"api/server/dcos", "api/server/prom", "api/server/web", "api/server/logs",
		"api/server/logstream"} {
		check(room, module+"/api/console", module+"/api/auth")
		if slices.Contains(all[module+"/"+room].Deps, module+"/api/server") {
			t.Errorf("%s links api/server", room)
		}
	}
	for _, dep := range all[module].Deps {
		if strings.HasPrefix(dep, module+"/bench") || dep == "testing" {
			t.Errorf("the program links %s", dep)
		}
	}
}

// Every package says in a doc.go what it is for; main packages say it in the
// file that holds main.
func TestDocs(t *testing.T) {
	for path, p := range list(t, "amd64") {
		if !strings.HasPrefix(path, module+"/") || p.Name == "main" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if !bytes.HasPrefix(b, []byte("// Package "+filepath.Base(path)+" ")) {
			t.Errorf("%s: doc.go does not begin with what the package is for", path)
		}
	}
}

// Every HTTP server is made by api/server/web, which bounds requests and
// survives panics.
func TestHTTPServers(t *testing.T) {
	for path, p := range list(t, "amd64") {
		if !strings.HasPrefix(path, module) || path == module+"/api/server/web" || strings.HasPrefix(path, module+"/bench/") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") && bytes.Contains(b, []byte("http.Server{")) {
				t.Errorf("%s makes an http.Server of its own", file)
			}
		}
	}
}
