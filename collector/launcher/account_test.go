package launcher

import (
	"strings"
	"syscall"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// who is a shell script that prints the user and groups it runs as, and the variables
// of its user.
const who = `sed -n 's/^\(Uid\|Gid\|Groups\):[[:space:]]*/\1 /p' /proc/self/status | tr '\t' ' '; echo "$HOME ` +
	`$USER $LOGNAME"`

// A task runs as the user and group of --user and --group, with the user's
// supplementary groups.
func TestAccount(t *testing.T) { rig.InNamespaces(t, rig.Mount, testAccount) }

func testAccount(t *testing.T) {
	mountAccounts(t)
	a := startAPI(t)
	check := func(ids, groups, env string, args ...string) {
		t.Helper()
		cmd := a.run(append(args, "sh", "-c", who)...)
		cmd.Env = append(cmd.Env, "HOME=/root", "USER=root", "LOGNAME=root")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 7}}}
		uid, gid, _ := strings.Cut(ids, " ")
		four := func(id string) string { return strings.TrimSuffix(strings.Repeat(id+" ", 4), " ") }
		want := "Uid " + four(uid) + "\nGid " + four(gid) + "\nGroups " + groups + " \n" + env + "\n"
		if got := ended(t, cmd); got.out != want || got.err != "" || got.status != 0 {
			t.Errorf("%q: status %d\n%s%s\nwant\n%s", args, got.status, got.out, got.err, want)
		}
	}
	check("0 0", "0 7", "/root root root")
	check("4242 4243", "4243 4244 4245", "/home/tester tester tester", "--user", "tester")
	check("4242 4243", "4243 4244 4245", "/home/tester tester tester", "--user", "4242")
	check("4242 4246", "4244 4245 4246", "/home/tester tester tester", "--user", "tester:staff")
	check("4242 4246", "4244 4245 4246", "/home/tester tester tester", "--user", "tester", "--group", "4246")
	check("4250 4243", "4243 4244 4246", "/ homeless homeless", "--user", "homeless")
	check("5000 4246", "4246", "/  ", "--user", "5000:staff")
	check("5000 5001", "5001", "/  ", "--user", "5000:5001")
	check("0 4246", "0 7", "/root root root", "--group", "staff")
	a.nothingLeft(t)
}

// With an unknown user or group, no command runs, and the error names it.
func TestAccountUnknown(t *testing.T) { rig.InNamespaces(t, rig.Mount, testAccountUnknown) }

func testAccountUnknown(t *testing.T) {
	mountAccounts(t)
	a := startAPI(t)
	check := func(want string, args ...string) {
		t.Helper()
		got := ended(t, a.run(append(args, "echo", "ran")...))
		if got.status != 1 || got.out != "" || !strings.Contains(got.err, want) {
			t.Errorf("%q: %+v, want %q", args, got, want)
		}
	}
	check(`--user: there is no user "nosuch" in /etc/passwd`, "--user", "nosuch")
	check(`--user: there is no group "nosuch" in /etc/group`, "--user", "tester:nosuch")
	check(`--group: there is no group "nosuch" in /etc/group`, "--group", "nosuch")
	check("5000:GROUP", "--user", "5000")
	check("USER:GROUP", "--user", ":staff")
	check("USER:GROUP", "--user", "tester:")
	check("both name a group", "--user", "tester:staff", "--group", "staff")
	check("there is no user", "--user", "4294967295:staff")
	check("there is no group", "--group", "-1")
	check("no process can have", "--user", "broken")
	a.nothingLeft(t)
}

// Only root can run a task as someone else, or make a cgroup for it.
func TestAccountWithoutRoot(t *testing.T) {
	a := startAPI(t)
	for flag, value := range map[string]string{"--user": "root", "--group": "root"} {
		cmd := a.run(flag, value, "echo", "ran")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if got := ended(t, cmd); got.status != 1 || got.out != "" || !strings.Contains(got.err, flag+": only root") {
			t.Errorf("%s: %+v", flag, got)
		}
	}
	cmd := a.run("echo", "ran")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if got := ended(t, cmd); got.status != 1 || got.out != "" || !strings.Contains(got.err, "root") {
		t.Errorf("without root: %+v", got)
	}
}
