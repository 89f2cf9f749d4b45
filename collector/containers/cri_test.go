package containers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			pod := rig.RunPod(t, d, uid, parent, "echo here; exec sleep 1000")
			sandbox, container := pod.Sandbox, pod.Container
			path := parent + "/" + container
			// The path of the log file is asked for after the name.
			id := follow(t, r, path, func(id *Identity) bool { return id.Name == "nginx" && id.LogPath != "" })
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
