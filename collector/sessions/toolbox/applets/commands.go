package applets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/collector/sessions/toolbox/itself"
)

func init() {
	add("env", env)
	add("timeout", timeout)
	add("watch", watch)
	add("which", which)
	add("xargs", xargs)
}

// Tool is the name by which the toolbox is told to run an applet.
const Tool = "debug"

// start starts a command: an applet, or else a program of the container.
func start(args []string, stdin *os.File) (*os.Process, error) {
	streams := [3]*os.File{stdin, os.Stdout, os.Stderr}
	if Find(args[0]) != nil || args[0] == "sh" {
		return itself.Start(append([]string{Tool}, args...), os.Environ(), "", streams)
	}
	path, err := exec.LookPath(args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return nil, err
	}
	return os.StartProcess(path, args, &os.ProcAttr{Files: streams[:]})
}

// run runs a command to its end, and returns its status.
func run(name string, args []string, stdin *os.File) int {
	p, err := start(args, stdin)
	if err != nil {
		complain(name, err)
		return 127
	}
	return wait(name, p)
}

func wait(name string, p *os.Process) int {
	state, err := p.Wait()
	if err != nil {
		return complain(name, err)
	}
	if w := state.Sys().(syscall.WaitStatus); w.Signaled() {
		return 128 + int(w.Signal())
	}
	return state.ExitCode()
}

// env prints the environment, or runs a command with another one.
func env(args []string) int {
	fs := flags("env", "[-i] [-u NAME]... [NAME=VALUE]... [COMMAND [ARGUMENT]...]")
	fs.SetInterspersed(false)
	empty := fs.BoolP("ignore-environment", "i", false, "begin with an empty environment")
	unset := fs.StringArrayP("unset", "u", nil, "leave a variable out")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if *empty {
		os.Clearenv()
	}
	for _, name := range *unset {
		os.Unsetenv(name)
	}
	args = fs.Args()
	for len(args) > 0 {
		name, value, ok := strings.Cut(args[0], "=")
		if !ok {
			return run("env", args, os.Stdin)
		}
		os.Setenv(name, value)
		args = args[1:]
	}
	for _, v := range os.Environ() {
		fmt.Println(v)
	}
	return 0
}

// timeout ends a command after some time.
func timeout(args []string) int {
	fs := flags("timeout", "TIME COMMAND [ARGUMENT]...")
	fs.SetInterspersed(false)
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() < 2 {
		fs.Usage()
		return 2
	}
	after, err := seconds(fs.Arg(0))
	if err != nil {
		return complain("timeout", err)
	}
	p, err := start(fs.Args()[1:], os.Stdin)
	if err != nil {
		complain("timeout", err)
		return 127
	}
	late := make(chan struct{})
	t := time.AfterFunc(after, func() {
		close(late)
		p.Signal(syscall.SIGTERM)
		time.Sleep(5 * time.Second)
		p.Kill()
	})
	status := wait("timeout", p)
	if !t.Stop() {
		<-late
		return 124
	}
	return status
}

// watch runs a command again and again.
func watch(args []string) int {
	fs := flags("watch", "[-n SECONDS] COMMAND [ARGUMENT]...")
	fs.SetInterspersed(false)
	every := fs.Float64P("interval", "n", 2, "seconds between two runs")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() == 0 {
		fs.Usage()
		return 2
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	for {
		command := strings.Join(fs.Args(), " ")
		fmt.Printf("\x1b[H\x1b[2J%s  every %gs: %s\n\n", time.Now().Format(time.TimeOnly), *every, command)
		if status := run("watch", []string{"sh", "-c", command}, os.Stdin); status == 130 {
			return status
		}
		select {
		case <-time.After(time.Duration(max(0.1, *every) * float64(time.Second))):
		case <-signals:
			return 130
		}
	}
}

// which says what a command is.
func which(args []string) int {
	status := 0
	for _, name := range args {
		if Find(name) != nil || name == "sh" {
			fmt.Printf("%s: in the toolbox\n", name)
			continue
		}
		path, err := exec.LookPath(name)
		if err != nil {
			status = complain("which", err)
			continue
		}
		fmt.Println(path)
	}
	return status
}

// xargs runs a command with arguments from standard input.
func xargs(args []string) int {
	fs := flags("xargs", "[-0rt] [-n COUNT] [-I TEXT] [COMMAND [ARGUMENT]...]")
	fs.SetInterspersed(false)
	null := fs.BoolP("null", "0", false, "arguments end with a zero byte, not with a space")
	fs.BoolP("no-run-if-empty", "r", false, "as always here: nothing is run without arguments")
	trace := fs.BoolP("verbose", "t", false, "print each command")
	most := fs.IntP("max-args", "n", 1000, "arguments of one command at most")
	replace := fs.StringP("replace", "I", "", "run a command per line, and put it in the place of this text")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	command := fs.Args()
	if len(command) == 0 {
		command = []string{"echo"}
	}
	if command[0] == "echo" { // which is a part of the shell
		command = append([]string{"sh", "-c", `echo "$@"`, "sh"}, command[1:]...)
	}
	nothing, w, err := os.Pipe()
	if err != nil {
		return complain("xargs", err)
	}
	w.Close()
	status := 0
	flush := func(list []string) {
		full := append(slices.Clone(command), list...)
		if *replace != "" {
			full = slices.Clone(command)
			for i := range full {
				full[i] = strings.ReplaceAll(full[i], *replace, list[0])
			}
		}
		if *trace {
			fmt.Fprintln(os.Stderr, strings.Join(full, " "))
		}
		if s := run("xargs", full, nothing); s != 0 {
			status = 123
		}
	}
	var list []string
	length := 0
	err = arguments(os.Stdin, *null, *replace != "", func(a string) {
		if len(list) > 0 && (len(list) >= *most || *replace != "" || length+len(a) > 64<<10) {
			flush(list)
			list, length = nil, 0
		}
		list, length = append(list, a), length+len(a)+1
	})
	if len(list) > 0 {
		flush(list)
	}
	if err != nil {
		return complain("xargs", err)
	}
	return status
}

// arguments splits a stream into arguments: at zero bytes, ends of lines or spaces, of which
// those in quotes or after a backslash are parts of an argument.
func arguments(r io.Reader, null, lines bool, do func(string)) error {
	in := bufio.NewReader(r)
	var arg []byte
	has := false
	end := func() {
		if has {
			do(string(arg))
		}
		arg, has = arg[:0], false
	}
	quote := byte(0)
	for {
		c, err := in.ReadByte()
		if err == io.EOF {
			end()
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case null && c == 0, !null && lines && c == '\n',
			!null && !lines && quote == 0 && strings.IndexByte(" \t\n", c) >= 0:
			end()
		case null || lines:
			arg, has = append(arg, c), true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, has = c, true
		case quote == 0 && c == '\\':
			if c, err = in.ReadByte(); err == nil {
				arg, has = append(arg, c), true
			}
		default:
			arg, has = append(arg, c), true
		}
	}
}
