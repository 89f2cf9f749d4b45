package sessions

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Clients of Kubernetes run commands in tasks: client-go, kubectl, and Kubernetes' Python client.
func TestKubernetesClients(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("kube")
	f := newFixture(t, name)
	t.Run("client-go", func(t *testing.T) {
		f.with(t).clientGo(rig.ModuleProgram(t, "../peers/kube", "."))
	})
	t.Run("kubectl", func(t *testing.T) {
		f.with(t).kubectl()
	})
	t.Run("python", func(t *testing.T) {
		f.with(t).python()
	})
}

func (f *fixture) clientGo(program string) {
	numbers := new(strings.Builder)
	for i := range 200_000 {
		fmt.Fprintln(numbers, i+1)
	}
	sum := fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(numbers.String())))
	for _, c := range []struct {
		stdin, out, errs string
		status           int
		args             []string
	}{
		{"", "out\n", "err\n", 7, []string{"sh", "-c", "echo out; echo err >&2; exit 7"}},
		{"", "out\n", "err\n", 7, []string{"-protocol", "v4", "sh", "-c", "echo out; echo err >&2; exit 7"}},
		{"", "", "", 0, []string{"true"}},
		{"", "", "", 137, []string{"sh", "-c", "kill -9 $$"}},
		{"a\nb\n", "2\n", "", 0, []string{"-i", "wc", "-l"}},
		{"a\nb\n", "a\n", "", 0, []string{"-protocol", "v4", "-i", "head", "-n", "1"}},
		{"x", "x", "", 7, []string{"-i", "sh", "-c", "cat; sleep 1; exit 7"}},
		{numbers.String(), sum, "", 0, []string{"-i", "sha256sum"}},
		{"", numbers.String(), "", 0, []string{"seq", "1", "200000"}},
		{"", numbers.String(), "", 0, []string{"-rate", "1000000", "seq", "1", "200000"}},
		{"", "57 203\r\n", "", 0, []string{"-t", "-sizes", "57x203", "stty", "size"}},
		{"", "20 70\r\n", "", 0, []string{"-t", "-sizes", "57x203,20x70", "-every", "500ms",
			"sh", "-c", "until [ \"$(stty size)\" = '20 70' ]; do sleep .1; done; stty size"}},
		{"", "", "kube: the program could not be started: no-such: there is no such command in the container: " +
			"no such file or directory\n", 1, []string{"no-such"}},
		{"", "", "kube: no running container matches no-such-task\n", 1, []string{"-task", "no-such-task", "true"}},
	} {
		args := append([]string{"-url", f.d.Relay.URL, "-token", f.d.Relay.Token, "-task", f.task}, c.args...)
		out, errs, status := f.finish(exec.CommandContext(f.Context(), program, args...), c.stdin)
		if out != c.out || errs != c.errs || status != c.status {
			f.Errorf("%q: status %d, %d bytes %.80q, %.200q; want %d, %d bytes %.80q, %q", c.args,
				status, len(out), out, errs, c.status, len(c.out), c.out, c.errs)
		}
	}
	if out, _, status := f.finish(exec.CommandContext(f.Context(), program, "-url", f.d.Relay.URL, "-token", "wrong",
		"-task", f.task, "echo", "in"), ""); status != 1 || out != "" {
		f.Errorf("a wrong token: status %d, %s", status, out)
	}
	// A client that is killed cannot come back: its session ends.
	ctx, cancel := context.WithCancel(f.Context())
	forever := fmt.Sprint(2_000_000 + time.Now().UnixNano()%1_000_000)
	cmd := exec.CommandContext(ctx, program, "-url", f.d.Relay.URL, "-token", f.d.Relay.Token, "-task", f.task,
		"sleep", forever)
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { cancel(); _ = cmd.Wait() })
	runs := func() bool { return exec.Command("pgrep", "-f", "^sleep "+forever).Run() == nil }
	f.eventually(runs, "the program runs")
	cancel()
	f.eventually(func() bool { return !runs() }, "the program has ended")
}

// kubectl runs kubectl against an API server that knows of one pod, and hands exec to the relay.
func (f *fixture) kubectl() {
	program, err := exec.LookPath("kubectl")
	if err != nil { // of Debian there is none that is new enough
		program = rig.ModuleProgram(f, "../peers/kube", "./kubectl")
	}
	relay, err := url.Parse(f.d.Relay.URL)
	if err != nil {
		f.Fatal(err)
	}
	pod := "/api/v1/namespaces/default/pods/" + f.task
	mux := http.NewServeMux()
	for path, document := range map[string]any{
		"/api":  map[string]any{"kind": "APIVersions", "versions": []string{"v1"}},
		"/apis": map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}},
		"/api/v1": map[string]any{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{
			map[string]any{"name": "pods", "namespaced": true, "kind": "Pod", "verbs": []string{"get"}}}},
		pod: map[string]any{"kind": "Pod", "apiVersion": "v1", "metadata": map[string]any{"name": f.task,
			"namespace": "default"}, "spec": map[string]any{"containers": []any{map[string]any{"name": "main"}}},
			"status": map[string]any{"phase": "Running"}},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(document)
		})
	}
	mux.Handle(pod+"/exec", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		q := r.In.URL.Query()
		q.Set("task", f.task)
		r.SetURL(relay)
		r.Out.URL.Path, r.Out.URL.RawQuery = "/api/v1/sessions", q.Encode()
		r.Out.Header.Set("Authorization", "Bearer "+f.d.Relay.Token)
	}})
	server := httptest.NewServer(mux)
	f.Cleanup(server.Close)
	kubectl := func(stdin string, args ...string) (string, string, int) {
		return f.finish(exec.CommandContext(f.Context(), program, append([]string{"--server", server.URL, "--kubeconfig",
			"/dev/null", "--cache-dir", f.TempDir(), "exec"}, args...)...), stdin)
	}
	out, errs, status := kubectl("", f.task, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
	if out != "out\n" || !strings.HasPrefix(errs, "err\n") || status != 7 {
		f.Errorf("status %d, %q, %q", status, out, errs)
	}
	if out, errs, status := kubectl("a\nb\n", "-i", f.task, "--", "wc", "-l"); out != "2\n" || status != 0 {
		f.Errorf("with input: status %d, %q, %q", status, out, errs)
	}
}

const pythonExec = `
import sys, urllib.parse
from kubernetes.client import Configuration
from kubernetes.stream.ws_client import WSClient
url, token, task = sys.argv[1:]
def run(args, stdin=None):
    q = [('task', task), ('stdin', str(stdin is not None)), ('stdout', 'True'), ('stderr', 'True')]
    q += [('command', a) for a in args]
    w = WSClient(Configuration(), url.replace('http', 'ws', 1) + '/api/v1/sessions?' + urllib.parse.urlencode(q),
                 {'authorization': 'Bearer ' + token}, True)
    if stdin is not None:
        w.write_stdin(stdin)
    w.run_forever(timeout=30)
    code = w.returncode
    print(repr(w.read_all()), code)
run(['sh', '-c', 'echo out; exit 7'])
run(['head', '-n', '2'], 'äß\nb\n')
run(['true'])
run(['no-such-command'])
run(['sh', '-c', 'yes 0123456789 | head -n 100000 | md5sum'])
`

func (f *fixture) python() {
	python := rig.Python(f, "kubernetes==31.0.0") // which speaks the fourth version alone
	script := filepath.Join(f.TempDir(), "exec.py")
	if err := os.WriteFile(script, []byte(pythonExec), 0o644); err != nil {
		f.Fatal(err)
	}
	cmd := exec.CommandContext(f.Context(), python, script, f.d.Relay.URL, f.d.Relay.Token, f.task)
	out, errs, status := f.finish(cmd, "")
	const want = "'out\\n' 7\n'äß\\nb\\n' 0\n'' 0\n'' 127\n'e43c7bac718587e24553d6483485badd  -\\n' 0\n"
	if out != want || status != 0 {
		f.Errorf("status %d, %s%s, want %s", status, out, errs, want)
	}
}
