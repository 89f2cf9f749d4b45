package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/bench/rig"
)

// The test binary is also the toolbox.
func TestMain(m *testing.M) {
	if tools[os.Args[0]] != nil {
		main()
	}
	os.Exit(rig.Main(m))
}

// toolbox returns a command that executes the toolbox as a session does.
func toolbox(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { self.Close() })
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.ExtraFiles, cmd.Dir = args, []*os.File{nil, self}, t.TempDir()
	cmd.Env = []string{"PATH=/nowhere", "A=b", "GORACE=" + os.Getenv("GORACE")} // the race detector's, see bench/testrun
	return cmd
}

// All tools that there are in sessions are in the toolbox.
func TestTools(t *testing.T) {
	names := session.Tools()
	for name := range tools {
		if !slices.Contains(names, name) {
			t.Errorf("no session can have %q", name)
		}
	}
	for _, name := range names {
		if tools[name] == nil {
			t.Errorf("%q is not in the toolbox", name)
		}
	}
}

// The shell and its programs do what those of other systems do, with nothing in PATH.
func TestScripts(t *testing.T) {
	for script, want := range map[string]string{
		`echo $A; exit 3`:                                                              "b\n|3",
		`nothing; echo $?`:                                                             "127\n|0",
		`x=$(printf 'b\na\n' | sort); echo $x`:                                         "a b\n|0",
		`seq 3 | xargs -n 2 echo x`:                                                    "x 1 2\nx 3\n|0",
		`seq 3 | xargs -I % echo '<%>'`:                                                "<1>\n<2>\n<3>\n|0",
		`printf 'a b\0c\0' | xargs -0 -n 1 echo`:                                       "a b\nc\n|0",
		`echo "'a b' c" | xargs -n 1 echo`:                                             "a b\nc\n|0",
		`seq 100 | head -n 2; seq 100 | tail -n 1`:                                     "1\n2\n100\n|0",
		`seq 5 | tail -n +4; seq 5 | head -3 | tail -c 2`:                              "4\n5\n3\n|0",
		`printf 'one two\n' | wc; seq 3 | wc -l`:                                       "1 2 8\n3\n|0",
		`seq 12 | grep -c 1; seq 12 | grep -v '[2-9]'`:                                 "4\n1\n10\n11\n|0",
		`echo x >f; echo X >g; grep -il x f g; grep -q y f`:                            "f\ng\n|1",
		`seq 5 | grep -n -A 1 -B1 3`:                                                   "2-2\n3:3\n4-4\n|0",
		`grep x nosuch; echo $?`:                                                       "2\n|0",
		`printf '10\n9\n9\n' | sort -n | uniq -c`:                                      "      2 9\n      1 10\n|0",
		`printf 'a:2\nb:1\n' | sort -t : -k 2 -r | cut -d : -f1`:                       "a\nb\n|0",
		`echo hi | tee f | cat; cat f`:                                                 "hi\nhi\n|0",
		`mkdir -p d/e; echo 1 >d/e/f; find d -name f; rm -r d; ls d || echo gone`:      "d/e/f\ngone\n|0",
		`cp /proc/self/comm x; mv x y; ls; chmod 600 y; stat y | grep -o 'mode: 0600'`: "y\nmode: 0600\n|0",
		`ln -s a b; readlink b; basename /a/b.c .c; dirname /a/b`:                      "a\nb\n/a\n|0",
		`env -i X=1 env; env -u A env | grep -c ^A=`:                                   "X=1\n0\n|1",
		`kill -l >l; timeout 0.1 sleep 5; echo $?`:                                     "124\n|0",
		`timeout 5 sh -c 'kill -KILL $$'; echo $?`:                                     "137\n|0",
		`sh -c 'exit 4'; echo $?; (exit 5); echo $?`:                                   "4\n5\n|0",
		`echo 'echo $1 $0' >s; sh s arg`:                                               "arg s\n|0",
		`echo abc | hexdump`: "00000000  61 62 63 0a" + strings.Repeat(" ", 39) +
			"|abc.|\n00000004\n|0",
		`v=axb; echo $v; set -- 1 2; echo $#; f() { echo f$1; }; f 1`: "axb\n2\nf1\n|0",
		`ps | grep -c 'debug [p]s$'; which ls`:                        "1\nls: in the toolbox\n|0",
		`id | grep -o 'uid=[0-9]*'; uname; mount | grep -c ' on / '`:  "uid=0\nLinux\n1\n|0",
		`ls() { echo mine; }; ls; echo x 2>&1 >/dev/null`:             "mine\n|0",
		`cat <<E
$A
E`: "b\n|0",
		`echo one; cat nosuch; echo $? >&2`: "one\n|0",
		`syntax(`:                           "|2",
		`top -n 1 | grep -c 'debug [t]op'`:  "1\n|0",
	} {
		cmd := toolbox(t, "debug", "sh", "-c", script)
		cmd.Env = append(cmd.Env, "IFS=x", "BASH_FUNC_ls%%=() { echo owned; }", "ENV=/dev/null")
		var out bytes.Buffer
		cmd.Stdout = &out
		cmd.Run()
		got := out.String() + "|" + strconv.Itoa(cmd.ProcessState.ExitCode())
		if got != want {
			t.Errorf("%s:\n%q, want\n%q", script, got, want)
		}
	}
}

// The programs for networks see, and reach, what listens.
func TestNetwork(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Header.Get("X"), body)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	pid := strconv.Itoa(os.Getpid())
	for script, want := range map[string]string{
		"wget -q -O - --header 'X: y' " + server.URL:                                    "GET y \n|0",
		"wget -qO- --post-data hello " + server.URL:                                     "POST  hello\n|0",
		"wget -q " + server.URL + "/file; cat file":                                     "GET  \n|0",
		"wget -q -O - " + server.URL + "/missing 2>&1 | cut -d : -f 2":                  " the server answers\n|0",
		"nc -z 127.0.0.1 " + port + "; echo $?":                                         "0\n|0",
		"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 " + port + " | grep -c GET": "1\n|0",
		"netstat -lt | grep -c '" + address + " .*LISTEN *" + pid + "/'":                "1\n|0",
		"ip addr | grep -c 'inet 127.0.0.1/8'; ip route >r; echo $?":                    "1\n0\n|0",
		"nslookup name.invalid 127.0.0.1:1 >o 2>&1 || echo no answer":                   "no answer\n|0",
	} {
		cmd := toolbox(t, "debug", "sh", "-c", script)
		out, _ := cmd.Output()
		if got := string(out) + "|" + strconv.Itoa(cmd.ProcessState.ExitCode()); got != want {
			t.Errorf("%s:\n%q, want\n%q", script, got, want)
		}
	}
}
