package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// What goes over the network without TLS is refused, with what to do; with --insecure it runs, and
// the log, the metrics and the doctor say so.
func TestInsecure(t *testing.T) {
	n := rig.NewNetns(t)
	port := func() string { _, p, _ := strings.Cut(rig.FreePort(t), ":"); return p }
	for _, c := range []struct {
		program, metric string
		args            []string
	}{
		{"relay", "\ndaytwo_relay_insecure{what=\"listen\"} 1\n", []string{"--listen", "0.0.0.0:" + port()}},
		{"collector", "\ndaytwo_collector_insecure 1\n", []string{"--nats", "nats://u:hunter2@192.0.2.1:4222"}},
	} {
		t.Run(c.program, func(t *testing.T) {
			o := rig.Options{Program: c.program, Netns: n, Data: t.TempDir(), Args: append([]string{"--insecure"}, c.args...)}
			if c.program == "collector" {
				o.Args = append(o.Args, "--no-bpf", "--interval", "200ms")
			}
			refused := o
			refused.Args = o.Args[1:]
			d := rig.Start(t, refused)
			_ = d.Wait(t, 20*time.Second) // its status is that of a wrong flag
			if text := d.Log(); !strings.Contains(text, "without TLS") || strings.Contains(text, "hunter2") {
				t.Errorf("without --insecure: %s", text)
			}
			d = rig.Start(t, o)
			api := d.Node
			if c.program == "relay" {
				api = d.Relay
			}
			rig.Eventually(t, rig.Ready, func() error {
				if c.program == "relay" {
					if err := d.ReadToken(); err != nil {
						return err
					}
					api = d.Relay
				}
				page, err := api.Get("/metrics")
				if err == nil && !strings.Contains(string(page), c.metric) {
					t.Errorf("no %s", c.metric)
				}
				return err
			})
			if text := d.Log(); !strings.Contains(text, "INSECURE") || strings.Contains(text, "hunter2") {
				t.Errorf("the log says nothing of it, or has the password: %s", text)
			}
		})
	}
}
