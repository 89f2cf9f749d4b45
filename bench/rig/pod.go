package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// Pod is a pod of one container, "nginx", in the host's network.
type Pod struct {
	Sandbox, Container string // ids
	LogPath            string // of the container's log file, which the runtime writes
}

// message builds a protobuf message of strings, numbers and messages.
type message []byte

func (m message) str(num protowire.Number, s string) message {
	return protowire.AppendString(protowire.AppendTag(m, num, protowire.BytesType), s)
}

func (m message) sub(num protowire.Number, s message) message {
	return protowire.AppendBytes(protowire.AppendTag(m, num, protowire.BytesType), s)
}

func (m message) num(num protowire.Number, n uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, num, protowire.VarintType), n)
}

func (m message) entry(num protowire.Number, k, v string) message {
	return m.sub(num, message(nil).str(1, k).str(2, v))
}

// rawCodec sends and receives messages as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) { return v.(message), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*message) = append(message(nil), data...)
	return nil
}

// RunPod runs a pod whose container runs a shell script, by the CRI of containerd
// (k8s.io/cri-api, runtime.v1), as kubelet does. The pod's cgroup is parent. It is removed at
// the end of the test.
func RunPod(t testing.TB, e *Engine, uid, parent, script string) *Pod {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+e.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// call returns the first field of the answer, an id.
	call := func(method string, req message) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		var answer message
		err := conn.Invoke(ctx, "/runtime.v1.RuntimeService/"+method, req, &answer, grpc.ForceCodec(rawCodec{}))
		if err != nil {
			return "", fmt.Errorf("%s: %w", method, err)
		}
		if num, typ, n := protowire.ConsumeTag(answer); num == 1 && typ == protowire.BytesType {
			id, _ := protowire.ConsumeString(answer[n:])
			return id, nil
		}
		return "", nil
	}
	labels := func(m message, num protowire.Number) message {
		return m.entry(num, "io.kubernetes.pod.name", "web-0").entry(num, "io.kubernetes.pod.namespace", "shop").
			entry(num, "io.kubernetes.pod.uid", uid)
	}
	hostNet := message(nil).num(1, 2)
	logs := t.TempDir()
	config := message(nil).
		sub(1, message(nil).str(1, "web-0").str(2, uid).str(3, "shop")).str(3, logs)
	config = labels(config, 6).entry(6, "app.kubernetes.io/name", "web").
		sub(8, message(nil).str(1, parent).sub(2, message(nil).sub(1, hostNet)))
	p := &Pod{LogPath: filepath.Join(logs, "nginx", "0.log")}
	if p.Sandbox, err = call("RunPodSandbox", message(nil).sub(1, config)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, m := range []string{"StopPodSandbox", "RemovePodSandbox"} {
			if _, err := call(m, message(nil).str(1, p.Sandbox)); err != nil {
				t.Error(err)
			}
		}
		RemoveCgroup(parent)
	})
	spec := message(nil).
		sub(1, message(nil).str(1, "nginx")).
		sub(2, message(nil).str(1, Image)).
		str(3, "/bin/sh").str(4, "-c").str(4, script).
		entry(9, "io.kubernetes.container.name", "nginx")
	spec = labels(spec, 9).str(11, "nginx/0.log").
		sub(15, message(nil).sub(2, message(nil).sub(3, hostNet)))
	if err := os.Mkdir(filepath.Dir(p.LogPath), 0o755); err != nil { // as kubelet does
		t.Fatal(err)
	}
	if p.Container, err = call("CreateContainer", message(nil).str(1, p.Sandbox).sub(2, spec).sub(3, config)); err != nil {
		t.Fatal(err)
	}
	if _, err := call("StartContainer", message(nil).str(1, p.Container)); err != nil {
		t.Fatal(err)
	}
	return p
}
