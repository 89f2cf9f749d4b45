// Command identity is an identity provider (OpenID Connect) for tests: zitadel/oidc's own
// provider, with its example's pages and storage in memory. It is a module of its own, as
// nothing else needs what it links.
//
// Beside the example it has groups, a device flow for the same client that browsers use, keys
// that change (POST /test/rotate), and it tells clients that poll too fast to slow down.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	redirect := flag.String("redirect", "", "where the client may be sent back to")
	id := flag.String("client", "daytwo", "id of the client")
	secret := flag.String("secret", "secret", "secret of the client")
	device := flag.Bool("device", true, "have the device flow")
	flag.Parse()
	if err := run(*listen, *redirect, *id, *secret, *device); err != nil {
		fmt.Fprintln(os.Stderr, "identity:", err)
		os.Exit(1)
	}
}

func run(listen, redirect, id, secret string, device bool) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	issuer := fmt.Sprintf("http://%s/", l.Addr())
	storage.RegisterClients(storage.WebClient(id, secret, redirect))
	s := newStore(storage.NewUserStore(issuer))
	provider := exampleop.SetupServer(issuer, s, slog.New(slog.NewTextHandler(os.Stderr, nil)), false)
	mux := http.NewServeMux()
	if !device {
		mux.HandleFunc("GET "+discovery, func(w http.ResponseWriter, r *http.Request) { withoutDevice(provider, w, r) })
	}
	mux.Handle("/", provider)
	mux.HandleFunc("POST /test/rotate", func(http.ResponseWriter, *http.Request) { s.rotate() })
	fmt.Println(issuer) // it accepts connections
	return http.Serve(l, mux)
}

const discovery = "/.well-known/openid-configuration"

// withoutDevice answers as if the provider had no device flow.
func withoutDevice(provider http.Handler, w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	provider.ServeHTTP(rec, r)
	var doc map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	delete(doc, "device_authorization_endpoint")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doc) // the client is gone
}
