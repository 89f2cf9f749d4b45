package rig

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// makeRootfs fills dir with a root directory of busybox alone.
func makeRootfs(dir string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	bin, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	for _, d := range []string{"bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	applets, err := output(busybox, "--list")
	if err != nil {
		return err
	}
	for _, a := range strings.Fields(applets) {
		if a != "busybox" {
			if err := os.Symlink("busybox", filepath.Join(dir, "bin", a)); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), bin, 0o755); err != nil {
		return err
	}
	passwd := "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
	return os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte(passwd), 0o644)
}

// makeImage writes a root directory as an image that docker, podman and containerd
// can load: one layer and a config, in the format of "docker save".
func makeImage(rootfs, file string) error {
	layer, err := exec.Command("tar", "-C", rootfs, "--owner=0", "--group=0", "--numeric-owner", "-c", ".").Output()
	if err != nil {
		return fmt.Errorf("tar: %w", err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Env": []string{"PATH=/bin"}, "Cmd": []string{"/bin/sleep", "100000"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{Image},
		"Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range []struct {
		name string
		body []byte
	}{{"layer.tar", layer}, {name, config}, {"manifest.json", manifest}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body))}); err != nil {
			return err
		}
		if _, err := w.Write(f.body); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, buf.Bytes(), 0o644)
}

// imageIn makes dir/rootfs and dir/image.tar.
func imageIn(dir string) (rootfs, image string, err error) {
	rootfs, image = filepath.Join(dir, "rootfs"), filepath.Join(dir, "image.tar")
	if err = makeRootfs(rootfs); err == nil {
		err = makeImage(rootfs, image)
	}
	return rootfs, image, err
}
