package main

import (
	"context"
	"errors"
	"slices"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/ackextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/splunkhecreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
)

// host has what receivers use: acknowledgements, and the token of the HTTP Event Collector.
type host map[component.ID]component.Component

var (
	ackID  = component.MustNewID("ack")
	authID = component.MustNewID("token")
)

func newHost(ctx context.Context, token string) (host, error) {
	f := ackextension.NewFactory()
	ack, err := f.Create(ctx, extension.Settings{ID: ackID, TelemetrySettings: componenttest.NewNopTelemetrySettings()},
		f.CreateDefaultConfig())
	if err != nil {
		return nil, err
	}
	h := host{ackID: ack, authID: auth{token: "Splunk " + token}}
	return h, ack.Start(ctx, h)
}

// GetExtensions implements component.Host.
func (h host) GetExtensions() map[component.ID]component.Component { return h }

// collect configures an HTTP Event Collector.
func (h host) collect(c *splunkhecreceiver.Config) {
	serve(&c.ServerConfig, *hec)
	c.Ack.Extension = &ackID
	c.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: authID}})
}

// auth is an extension that knows one token.
type auth struct {
	component.StartFunc
	component.ShutdownFunc
	token string
}

var _ extensionauth.Server = auth{}

// Authenticate implements extensionauth.Server.
func (a auth) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	if !slices.Contains(headers["Authorization"], a.token) {
		return ctx, errors.New("invalid token")
	}
	return ctx, nil
}
