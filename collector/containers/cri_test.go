package containers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/bench/rig"
)

// msg builds a protobuf message of strings, numbers and messages.
type msg []byte

func (m msg) str(num protowire.Number, s string) msg { return appendString(m, num, s) }

func (m msg) sub(num protowire.Number, s msg) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, num, protowire.BytesType), s)
}

func (m msg) num(num protowire.Number, n uint64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, num, protowire.VarintType), n)
}

func (m msg) entry(num protowire.Number, k, v string) msg {
	return m.sub(num, msg(nil).str(1, k).str(2, v))
}

// pod runs a pod of one container in the host's network, as kubelet does, and returns
// the ids of its sandbox and its container.
func runPod(t *testing.T, conn *grpcConn, uid, parent string) (sandbox, container string) {
	call := func(method string, req msg) (answer string, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		err = conn.call(ctx, criService+method, "", req, func(b []byte) error {
			return fields(b, func(num protowire.Number, v []byte, _ uint64) {
				if num == 1 {
					answer = string(v)
				}
			})
		})
		return answer, err
	}
	hostNet := msg(nil).num(1, 2)
	logs := t.TempDir()
	config := msg(nil).
		sub(1, msg(nil).str(1, "web-0").str(2, uid).str(3, "shop")).str(3, logs).
		entry(6, podNameKey, "web-0").entry(6, podNamespaceKey, "shop").entry(6, podUIDKey, uid).
		entry(6, "app.kubernetes.io/name", "web").
		sub(8, msg(nil).str(1, parent).sub(2, msg(nil).sub(1, hostNet)))
	sandbox, err := call("RunPodSandbox", msg(nil).sub(1, config))
	if err != nil {
		t.Fatalf("RunPodSandbox: %v", err)
	}
	t.Cleanup(func() {
		for _, m := range []string{"StopPodSandbox", "RemovePodSandbox"} {
			if _, err := call(m, msg(nil).str(1, sandbox)); err != nil {
				t.Errorf("%s: %v", m, err)
			}
		}
		rig.RemoveCgroup(parent)
	})
	spec := msg(nil).
		sub(1, msg(nil).str(1, "nginx")).
		sub(2, msg(nil).str(1, rig.Image)).
		str(3, "/bin/sh").str(4, "-c").str(4, "echo here; exec sleep 1000").
		entry(9, containerNameKey, "nginx").entry(9, podNameKey, "web-0").entry(9, podNamespaceKey, "shop").
		entry(9, podUIDKey, uid).
		str(11, "nginx/0.log").
		sub(15, msg(nil).sub(2, msg(nil).sub(3, hostNet)))
	if err := os.Mkdir(logs+"/nginx", 0o755); err != nil { // as kubelet does
		t.Fatal(err)
	}
	container, err = call("CreateContainer", msg(nil).str(1, sandbox).sub(2, spec).sub(3, config))
	if err != nil {
		t.Fatalf("CreateContainer: %v", err)
	}
	if _, err := call("StartContainer", msg(nil).str(1, container)); err != nil {
		t.Fatalf("StartContainer: %v", err)
	}
	return sandbox, container
}

// TestPod runs a pod on containerd's CRI plugin. It reads the pod through the CRI, as is
// done with CRI-O, and through containerd's own API.
func TestPod(t *testing.T) {
	d := rig.Containerd(t)
	const uid = "55c6c714-b240-4dec-9a45-57b61696ab6e"
	parent := "/kubepods/besteffort/pod" + uid
	viaCRI, viaAPI := none(), none()
	viaCRI.CRIEndpoint, viaAPI.ContainerdAddress = "unix://"+d.Socket, d.Socket
	for name, r := range map[string]*Resolver{"cri": start(t, viaCRI), "containerd": start(t, viaAPI)} {
		t.Run(name, func(t *testing.T) {
			connected(t, r, name)
			sandbox, container := runPod(t, newGRPC(r, d.Socket), uid, parent)
			path := parent + "/" + container
			id := follow(t, r, path, named("nginx"))
			if !strings.HasSuffix(id.LogPath, "/nginx/0.log") || !filepath.IsAbs(id.LogPath) {
				t.Errorf("log %q", id.LogPath)
			}
			if log, err := os.ReadFile(id.LogPath); err != nil || !strings.Contains(string(log), " stdout F here\n") {
				t.Errorf("log %q: %q %v", id.LogPath, log, err)
			}
			wantLabels(t, id, map[string]string{"container_id": container, "runtime": "containerd", "image": rig.Image,
				"namespace": "shop", "pod": "web-0", "pod_uid": uid, "container": "nginx",
				"task_id": container, "task_name": "nginx", "application_name": "web", "label.app.kubernetes.io/name": "web",
				"executor_id": uid, "framework_id": "shop", "framework_name": "kubernetes", "label." + podNameKey: ""})
			id = follow(t, r, parent+"/"+sandbox, named("web-0"))
			wantLabels(t, id, map[string]string{"container_id": sandbox, "container": "POD", "pod": "web-0",
				"application_name": "web"})
			id = follow(t, r, parent, func(id *Identity) bool { return id.Label("pod") != "" })
			wantLabels(t, id, map[string]string{"container_id": "", "container": "", "pod": "web-0", "namespace": "shop",
				"pod_uid": uid})
		})
	}
}
