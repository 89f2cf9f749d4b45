package rig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// DCOSCLI is the unmodified DC/OS command line of PyPI, set up for one cluster.
type DCOSCLI struct {
	bin string // of the virtual environment
	dir string // DCOS_DIR
}

// dcosPackages are installed in this order. The client pins releases that current
// Python cannot build; --no-deps leaves them out.
var dcosPackages = [][]string{
	{"setuptools<60", "wheel"},
	{"--no-deps", "dcos==0.6.1", "dcoscli==0.6.1", "retrying==1.3.3", "sseclient==0.0.19", "pkginfo", "virtualenv",
		"PyJWT<2", "jsonschema<4", "pyrsistent", "attrs"},
	{"cryptography", "six", "docopt", "toml", "requests", "prettytable", "pygments", "pager", "portalocker"},
}

// dcosSite restores names that have moved within Python's standard library since.
const dcosSite = `import collections, collections.abc
for name in ("Mapping", "MutableMapping", "Sequence", "Iterable", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))
`

// NewDCOS returns the DC/OS command line, which knows no cluster yet. Its virtual environment
// is kept in the user's cache directory.
func NewDCOS(t testing.TB) *DCOSCLI {
	t.Helper()
	env, err := dcosEnvironment()
	if err != nil {
		Missing(t, "the DC/OS command line", err.Error(), "apt-get install python3-venv, and access to PyPI")
	}
	return &DCOSCLI{bin: filepath.Join(env, "bin"), dir: t.TempDir()}
}

// DCOS sets the DC/OS command line up for the cluster at a URL, with a token.
func DCOS(t testing.TB, url, token string) *DCOSCLI {
	t.Helper()
	c := NewDCOS(t)
	cluster := filepath.Join(c.dir, "clusters", "c1")
	config := fmt.Sprintf("[core]\ndcos_url = %q\ndcos_acs_token = %q\nreporting = false\n[cluster]\nname = \"daytwo\"\n",
		url, token)
	for _, f := range []struct{ path, text string }{
		{filepath.Join(cluster, "dcos.toml"), config},
		{filepath.Join(cluster, "attached"), ""},
	} {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Trust lets it accept certificates by the authorities in a file.
func (c *DCOSCLI) Trust(t testing.TB, file string) {
	t.Helper()
	path := filepath.Join(c.dir, "clusters", "c1", "dcos.toml")
	text, err := os.ReadFile(path)
	if err == nil {
		text = bytes.Replace(text, []byte("[cluster]"), fmt.Appendf(nil, "ssl_verify = %q\n[cluster]", file), 1)
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Run runs "dcos args..." and returns what it prints and its exit status.
func (c *DCOSCLI) Run(t testing.TB, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := c.command(ctx, args)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("dcos %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Follow starts "dcos args...", and returns what it prints, line by line. It is killed when
// the test ends.
func (c *DCOSCLI) Follow(t testing.TB, args ...string) *bufio.Reader {
	t.Helper()
	cmd := c.command(context.Background(), args)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // dcos starts its subcommands as processes
	p, out := Follow(t, cmd)
	t.Cleanup(func() {
		if p.Running() {
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	return bufio.NewReader(out)
}

// Command returns the command "dcos args...", whose streams the caller sets.
func (c *DCOSCLI) Command(ctx context.Context, args ...string) *exec.Cmd { return c.command(ctx, args) }

func (c *DCOSCLI) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "dcos"), args...)
	cmd.Env = append(dcosEnviron(), "DCOS_DIR="+c.dir, "PATH="+c.bin+":"+os.Getenv("PATH"), "COLUMNS=200",
		"PYTHONUNBUFFERED=1")
	return cmd
}

// dcosEnviron returns the environment of this process without the variables that
// the client reads.
func dcosEnviron() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "DCOS_") && !strings.HasPrefix(name, "PYTHON") &&
			!strings.HasSuffix(strings.ToLower(name), "_proxy") {
			env = append(env, kv)
		}
	}
	return env
}

// dcosEnvironment installs the virtual environment, once for all tests.
func dcosEnvironment() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	env := filepath.Join(cache, "daytwo-test", "dcos")
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
	done := filepath.Join(env, "complete")
	if _, err := os.Stat(done); err == nil {
		return env, nil
	}
	if err := os.RemoveAll(env); err != nil {
		return "", err
	}
	if err := run("python3", "-m", "venv", env); err != nil {
		return "", err
	}
	for _, packages := range dcosPackages {
		args := append([]string{"install", "-q", "--disable-pip-version-check"}, packages...)
		if err := run(filepath.Join(env, "bin", "pip"), args...); err != nil {
			return "", err
		}
	}
	sites, err := filepath.Glob(filepath.Join(env, "lib", "python3*", "site-packages"))
	if err != nil || len(sites) != 1 {
		return "", fmt.Errorf("%s has %d directories for packages: %v", env, len(sites), err)
	}
	if err := os.WriteFile(filepath.Join(sites[0], "sitecustomize.py"), []byte(dcosSite), 0o644); err != nil {
		return "", err
	}
	return env, os.WriteFile(done, nil, 0o644)
}

func run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), args[0], err, lastLines(out))
	}
	return nil
}

// lastLines returns the last 500 bytes of what a program printed.
func lastLines(out []byte) string {
	s := strings.TrimSpace(string(out))
	if len(s) > 500 {
		s = "…" + s[len(s)-500:]
	}
	return s
}
