package up

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/ready"
)

// program returns a program that runs until ctx ends, or until it receives from end. It
// then sends its name to stopped.
func program(name string, end <-chan error, stopped chan<- string) Program {
	return Program{Name: name, Run: func(ctx context.Context, _ cli.Config, _ nats.InProcessConnProvider) error {
		defer func() { stopped <- name }()
		select {
		case <-ctx.Done():
			return nil
		case err := <-end:
			return err
		}
	}}
}

func config(t *testing.T) cli.Config {
	return cli.Config{
		Data: t.TempDir(), AgentID: "a", Listen: "127.0.0.1:0",
		Log: slog.New(slog.DiscardHandler), Ready: new(ready.Parts),
	}
}

// serving waits until the NATS server runs, and the programs with it.
func serving(t *testing.T, p *ready.Parts) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		text := ready.Text(p.Waiting())
		if strings.Contains(text, "ticks: it is starting") && !strings.Contains(text, "NATS") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waiting for %s", text)
		}
	}
}

// When one program ends, Run ends the others, and returns an error unless ctx ended.
func TestTheEndOfOneIsTheEndOfAll(t *testing.T) {
	for name, c := range map[string]struct {
		end    error
		cancel bool
		want   string
	}{
		"asked":    {cancel: true},
		"failure":  {end: errors.New("the address is gone"), want: "the address is gone"},
		"silently": {end: nil, want: "the relay ended without being asked to"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			end, stopped := make(chan error), make(chan string, 2)
			cfg := config(t)
			ran := make(chan error, 1)
			go func() {
				ran <- Run(ctx, cfg, nil, program("relay", end, stopped), program("collector", nil, stopped))
			}()
			serving(t, cfg.Ready)
			if c.cancel {
				cancel()
			} else {
				end <- c.end
			}
			var err error
			select {
			case err = <-ran:
			case <-time.After(20 * time.Second):
				t.Fatal("it does not end")
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if len(stopped) != 2 {
				t.Errorf("%d of 2 programs have ended", len(stopped))
			}
		})
	}
}

// Only one server at a time uses a data directory: a second one refuses to start.
func TestOneServerADataDirectory(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := make(chan string, 2)
	cfg := config(t)
	ran := make(chan error, 1)
	go func() { ran <- Run(ctx, cfg, nil, program("relay", nil, stopped)) }()
	serving(t, cfg.Ready)
	second := cfg
	second.Ready = new(ready.Parts)
	err := Run(ctx, second, nil, program("relay", nil, stopped))
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if len(stopped) != 1 {
		t.Error("the second one ran its program")
	}
}
