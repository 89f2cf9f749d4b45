package enter

import "strings"

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ returns the environment of a session: the base, what is added, and what the
// runtimes add to that: TERM for a terminal, HOME of the user. Of assignments to one
// name, the last one counts.
func environ(base, add []string, tty bool, home string) []string {
	var env []string
	index := map[string]int{}
	for _, list := range [][]string{base, add} {
		for _, v := range list {
			name, _, ok := strings.Cut(v, "=")
			if !ok || name == "" || strings.IndexByte(v, 0) >= 0 {
				continue
			}
			if i, ok := index[name]; ok {
				env[i] = v
				continue
			}
			index[name] = len(env)
			env = append(env, v)
		}
	}
	if _, ok := index["TERM"]; !ok && tty {
		env = append(env, "TERM=xterm")
	}
	if i, ok := index["HOME"]; !ok {
		env = append(env, "HOME="+home)
	} else if env[i] == "HOME=" {
		env[i] += home
	}
	return env
}

// candidates returns the files that a command may be, by PATH of its environment.
func candidates(command string, env []string) []string {
	if strings.Contains(command, "/") {
		return []string{command}
	}
	path := defaultPath
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	var all []string
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "." // as execvp(3)
		}
		all = append(all, dir+"/"+command)
	}
	return all
}
