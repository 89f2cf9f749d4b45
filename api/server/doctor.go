package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/health"
)

// askWithin is how long Doctor waits for whoever has an address.
const askWithin = 2 * time.Second

// Doctor reports under name whether an HTTP server of daytwo could listen on an
// address, which flag sets, or does already. It listens on nothing: it asks whoever
// listens there, if that is this machine.
func Doctor(ctx context.Context, name, address, flag string) health.Check {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c := health.Check{Name: name, State: health.OK}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		host, err = ownAddress(ctx, host)
	}
	if err == nil {
		var answered bool
		answered, err = healthy(ctx, "http://"+net.JoinHostPort(host, port)+"/healthz")
		switch {
		case answered:
			c.Detail = address + ": daytwo answers"
			return c
		case errors.Is(err, syscall.ECONNREFUSED):
			c.Detail = address + " is free"
			return c
		}
		err = fmt.Errorf("%s: another program has it", address)
	}
	c.State, c.Detail, c.Fix = health.Warn, err.Error(), "give "+flag+" another address of this machine"
	return c
}

// healthy reports whether a server of ours answers at url.
func healthy(ctx context.Context, url string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK, nil
}

// ownAddress returns the address to ask for what listens on host, which must be
// this machine's.
func ownAddress(ctx context.Context, host string) (string, error) {
	if host == "" {
		return "127.0.0.1", nil
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, ip := range ips {
		if ip.IsUnspecified() {
			return "127.0.0.1", nil
		}
		if ip.IsLoopback() {
			return ip.String(), nil
		}
		for _, a := range own {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
				return ip.String(), nil
			}
		}
	}
	return "", fmt.Errorf("%s is no address of this machine", host)
}
