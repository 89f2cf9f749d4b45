package containers

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// newSources returns a source for every socket and directory of the options, the
// environment and the defaults.
func (r *Resolver) newSources(o Options) []source {
	var all []source
	for _, s := range r.sockets(o.DockerHost, "DOCKER_HOST", "/var/run/docker.sock", "/run/user/*/docker.sock") {
		all = append(all, newEngine(r, "docker", s))
	}
	for _, s := range r.sockets(o.ContainerHost, "CONTAINER_HOST", "/run/podman/podman.sock",
		"/run/user/*/podman/podman.sock") {
		all = append(all, newEngine(r, "podman", s))
	}
	for _, s := range r.sockets(o.ContainerdAddress, "CONTAINERD_ADDRESS",
		"/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/k0s/containerd.sock") {
		all = append(all, newContainerd(r, s))
	}
	for _, s := range r.sockets(o.CRIEndpoint, "CONTAINER_RUNTIME_ENDPOINT",
		"/run/crio/crio.sock", "/run/cri-dockerd.sock") {
		all = append(all, newCRI(r, s))
	}
	dirs := o.StateDirs
	if dirs == nil {
		dirs = []string{"/run/runc", "/run/crun", "/run/docker/runtime-runc/*", "/run/containerd/runc/*",
			"/run/user/*/runc", "/run/user/*/crun", "/run/user/*/docker/runtime-runc/*"}
	}
	return append(all, newStateFiles(r, dirs))
}

// sockets returns the sockets of one runtime: those of the option, else of the
// environment variable, else the usual ones. The first usual one is included even if it
// does not exist, so that Status shows it and it is used once it appears.
func (r *Resolver) sockets(option, env string, usual ...string) []string {
	if option == "" {
		option = os.Getenv(env)
	}
	if option == "-" {
		return nil
	}
	var list []string
	for s := range strings.SplitSeq(option, ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, strings.TrimPrefix(s, "unix://"))
		}
	}
	if len(list) > 0 {
		return list
	}
	var infos []fs.FileInfo // of each socket in list; nil: unknown
	for i, pattern := range usual {
		found, _ := r.expand(pattern)
		for _, f := range found {
			info, err := r.stat(f)
			switch {
			case i == 0 && len(list) == 0:
			case errors.Is(err, fs.ErrNotExist):
				continue
			case slices.ContainsFunc(infos, func(other fs.FileInfo) bool {
				return info != nil && other != nil && os.SameFile(info, other)
			}):
				continue
			}
			list, infos = append(list, f), append(infos, info)
		}
	}
	return list
}
