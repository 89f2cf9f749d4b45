package rig

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sharedRunc shared

// Runc is runc without a daemon, with its own state directory.
func Runc(t testing.TB) *Engine {
	t.Helper()
	need(t, "runc", "apt-get install runc busybox-static", "runc", "busybox")
	return sharedRunc.get(t, "runc", func(e *Engine) error {
		e.RuncRoot = e.Dir + "/runc"
		e.Bin = []string{"runc", "--root", e.RuncRoot}
		e.ops = &runc{e}
		return makeRootfs(e.Dir + "/rootfs")
	})
}

type runc struct{ *Engine }

func (r *runc) cmd(args ...string) (string, error) {
	return output(append(r.Bin[:len(r.Bin):len(r.Bin)], args...)...)
}

func (r *runc) bundle(id string) string { return filepath.Join(r.Dir, "b", id) }

func (r *runc) run(id string, s Spec) (string, error) {
	bundle := r.bundle(id)
	os.RemoveAll(bundle) // of an earlier container of that name
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		return id, err
	}
	if _, err := r.cmd("spec", "--bundle", bundle); err != nil {
		return id, err
	}
	b, err := os.ReadFile(bundle + "/config.json")
	if err != nil {
		return id, err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return id, err
	}
	edit(spec, s, r.Dir+"/rootfs")
	if b, err = json.Marshal(spec); err != nil {
		return id, err
	}
	if err := os.WriteFile(bundle+"/config.json", b, 0o644); err != nil {
		return id, err
	}
	// No pipes: the container would hold them open.
	cmd := exec.Command("runc", append(append([]string{"--root", r.RuncRoot, "--log", bundle + "/log", "run", "-d",
		"--bundle", bundle, "--pid-file", bundle + "/pid"}, s.Args...), id)...)
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(bundle + "/log")
		return id, &exec.Error{Name: "runc: " + strings.TrimSpace(string(log)), Err: err}
	}
	return id, nil
}

// edit changes runc's default configuration as a Spec says.
func edit(spec map[string]any, s Spec, rootfs string) {
	spec["root"] = map[string]any{"path": rootfs}
	spec["annotations"] = s.Labels
	p := spec["process"].(map[string]any)
	p["terminal"], p["args"] = false, s.Cmd
	env := []string{"PATH=/bin"}
	for k, v := range s.Env {
		env = append(env, k+"="+v)
	}
	p["env"] = env
	if s.HostNet {
		l := spec["linux"].(map[string]any)
		l["namespaces"] = slices.DeleteFunc(l["namespaces"].([]any),
			func(ns any) bool { return ns.(map[string]any)["type"] == "network" })
	}
}

func (r *runc) pid(id string) (int, error) {
	b, err := os.ReadFile(r.bundle(id) + "/pid")
	if err != nil {
		return 0, err
	}
	return pidOf(string(b))
}

func (r *runc) exec(id string, cmd []string) []string {
	return append(append(r.Bin[:len(r.Bin):len(r.Bin)], "exec", id), cmd...)
}

func (r *runc) remove(id string) error {
	_, err := r.cmd("delete", "--force", id)
	return err
}

func (r *runc) stop() error { return nil }
