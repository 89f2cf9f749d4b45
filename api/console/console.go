package console

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
)

//go:embed page.html
var page []byte

// policy is the page's content security policy: it may use its own script and style,
// identified by their hashes, and send requests to its own server.
var policy = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; script-src '" + hash("script") + "'; style-src '" + hash("style") + "'"

// hash returns the hash source (CSP 3) of the page's only element with a name.
func hash(element string) string {
	m := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindSubmatch(page)
	if m == nil {
		panic("console: the page has no " + element)
	}
	s := sha256.Sum256(m[1])
	return "sha256-" + base64.StdEncoding.EncodeToString(s[:])
}

// Handler serves the page.
var Handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer") // the address may contain the token
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(page)
})
