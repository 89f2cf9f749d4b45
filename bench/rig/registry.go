package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Jars returns a directory with artifacts of Maven, "group:artifact:version", and with
// all that they depend on. It is kept in the user's cache directory.
func Jars(t testing.TB, name string, artifacts ...string) string {
	t.Helper()
	need(t, "Java and Maven", "apt-get install default-jdk-headless maven", "java", "mvn")
	dir, err := cached("jars-"+name, strings.Join(artifacts, "\n"), func(dir string) error {
		var deps strings.Builder
		for _, a := range artifacts {
			p := strings.Split(a, ":")
			fmt.Fprintf(&deps, "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependenc"+
				"y>\n",
				p[0], p[1], p[2])
		}
		pom := `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>` +
			"<groupId>test</groupId><artifactId>test</artifactId><version>1</version><dependencies>\n" + deps.String() +
			"</dependencies></project>\n"
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o644); err != nil {
			return err
		}
		return run("mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"), "dependency:copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(dir, "libs"))
	})
	if err != nil {
		Missing(t, name+" of Maven", err.Error(), "access to Maven's registry")
	}
	return filepath.Join(dir, "libs")
}

// NodeModules returns a directory for NODE_PATH with packages of npm, "name@version". It is
// kept in the user's cache directory.
func NodeModules(t testing.TB, name string, modules ...string) string {
	t.Helper()
	need(t, "node", "apt-get install nodejs npm", "node", "npm")
	dir, err := cached("npm-"+name, strings.Join(modules, "\n"), func(dir string) error {
		return run("npm", append([]string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--loglevel", "error"},
			modules...)...)
	})
	if err != nil {
		Missing(t, name+" of npm", err.Error(), "access to npm's registry")
	}
	return filepath.Join(dir, "node_modules")
}

// cached returns a directory in the cache that fill has filled, once for the same want. Test
// processes run side by side: one fills it, the others wait.
func cached(name, want string, fill func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "daytwo-test", name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	done := filepath.Join(dir, "filled-with")
	if have, _ := os.ReadFile(done); string(have) == want {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := fill(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(done, []byte(want), 0o644)
}
