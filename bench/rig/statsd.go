package rig

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// StatsdClients are real clients, to be run inside containers: Datadog's for Go as a
// static program, hot-shots for node, and etsy's own server, which forwards what it
// receives.
type StatsdClients struct {
	dir string // mounted at /clients
}

// statsdModules are npm packages with their versions.
var statsdModules = []string{"hot-shots@17.1.1", "unix-dgram@2.0.7", "statsd@0.9.0"}

//go:embed testdata/statsd
var statsdScripts embed.FS

var sharedClients = struct {
	once sync.Once
	dir  string
	err  error
}{}

// Statsd installs the clients. Node's modules are kept in the user's cache directory.
func Statsd(t testing.TB) *StatsdClients {
	t.Helper()
	need(t, "node", "apt-get install nodejs npm", "node", "npm")
	modules, err := statsdNodeModules()
	if err != nil {
		Missing(t, "hot-shots and statsd of npm", err.Error(), "access to npm's registry, gcc and make")
	}
	s := &sharedClients
	s.once.Do(func() {
		if s.dir, s.err = newDir("clients"); s.err == nil {
			s.err = fillClients(s.dir, modules)
		}
		engines.add(&Engine{Name: "clients", Dir: s.dir, ops: nothing{}})
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return &StatsdClients{dir: s.dir}
}

func fillClients(dir, modules string) error {
	err := goBuild(filepath.Join(dir, "datadog"), module+"/bench/rig/statsdclient", []string{"CGO_ENABLED=0"}, "build",
		"-trimpath")
	if err != nil {
		return err
	}
	for _, name := range []string{"hotshots.js", "etsy.js"} {
		b, err := statsdScripts.ReadFile("testdata/statsd/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "node_modules"), os.DirFS(modules)); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// Mounts returns flags of docker and podman that mount the clients into a container,
// and the machine's node with its libraries; dirs are further directories, each
// mounted at its own path.
func (c *StatsdClients) Mounts(dirs ...string) []string {
	args := []string{"--volume=" + c.dir + ":/clients:ro"}
	for _, d := range []string{"/usr", "/lib", "/lib64"} {
		if _, err := os.Stat(d); err == nil {
			args = append(args, "--volume="+d+":"+d+":ro")
		}
	}
	for _, d := range dirs {
		args = append(args, "--volume="+d+":"+d)
	}
	return args
}

// Datadog returns the command, to be run inside a container, that sends 10 of each
// type to a target ("HOST:PORT", "unixgram:///PATH"), or what the flags of
// statsdclient say.
func (c *StatsdClients) Datadog(target string, flags ...string) []string {
	return append(append([]string{"/clients/datadog"}, flags...), target)
}

// Raw returns a command that sends packets as they are.
func (c *StatsdClients) Raw(target string, packets ...string) []string {
	args := []string{"/clients/datadog", "-raw", target}
	for _, p := range packets {
		q := fmt.Sprintf("%q", p)
		args = append(args, q[1:len(q)-1])
	}
	return args
}

// HotShots returns a command that sends 10 of each type with hot-shots.
func (c *StatsdClients) HotShots(prefix, target string) []string {
	args := []string{node(), "/clients/hotshots.js", prefix}
	if path, ok := strings.CutPrefix(target, "unixgram://"); ok {
		return append(args, "uds", path)
	}
	host, port, _ := strings.Cut(target, ":")
	return append(args, "udp", host, port)
}

// Etsy returns a command that sends the lines of etsy's clients through etsy's server,
// by UDP.
func (c *StatsdClients) Etsy(prefix, target string) []string {
	host, port, _ := strings.Cut(target, ":")
	return []string{node(), "/clients/etsy.js", prefix, host, port}
}

// node returns the path of the machine's node, without symbolic links.
func node() string {
	p, err := exec.LookPath("node")
	if err != nil {
		return "node"
	}
	if real, err := filepath.EvalSymlinks(p); err == nil {
		return real
	}
	return p
}

// statsdNodeModules installs the modules, once for all tests.
func statsdNodeModules() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	env := filepath.Join(cache, "daytwo-test", "npm")
	if err := os.MkdirAll(filepath.Dir(env), 0o755); err != nil {
		return "", err
	}
	// Test processes run side by side: one installs it, the others wait.
	lock, err := os.OpenFile(env+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	modules, done := filepath.Join(env, "node_modules"), filepath.Join(env, "complete")
	want := strings.Join(statsdModules, "\n")
	if b, err := os.ReadFile(done); err == nil && string(b) == want {
		return modules, nil
	}
	if err := os.RemoveAll(env); err != nil {
		return "", err
	}
	if err := os.MkdirAll(env, 0o755); err != nil {
		return "", err
	}
	args := append([]string{"install", "--prefix", env, "--no-audit", "--no-fund", "--loglevel", "error"},
		statsdModules...)
	if err := run("npm", args...); err != nil {
		return "", err
	}
	// Some machines forbid npm to run scripts, and this module is compiled by one.
	if err := run("npm", "rebuild", "--prefix", env, "unix-dgram"); err != nil {
		return "", err
	}
	return modules, os.WriteFile(done, []byte(want), 0o644)
}
