package sessions

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// The web page lists the sessions that run, whatever their commands are called.
func TestConsole(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("console")
	f := newFixture(t, name)
	const hostile = `<img src=x onerror="document.title='taken'">`
	cmd := f.command("task", "exec", name, "sh", "-c", "sleep 60", hostile)
	errs := new(rig.Buffer)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var page string
	rig.Eventually(t, 40*time.Second, func() (err error) {
		if page, err = rig.Page(t, f.d.Relay.URL+"/#token="+f.d.Relay.Token, 5*time.Second); err != nil {
			return err
		}
		_, section, _ := strings.Cut(page, `id="sessions"`)
		section, _, _ = strings.Cut(section, "</table>")
		text := html.UnescapeString(section)
		for _, want := range []string{">admin</td>", ">" + name + "</td>", ">sh -c sleep 60 " + hostile + "</td>",
			">1</td>", "<button>End</button>"} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("no %q in %s", want, section)
			}
		}
		return nil
	})
	if strings.Contains(page, `id="sessionSection" hidden`) || !strings.Contains(page, "<title>daytwo</title>") {
		t.Error("the sessions are hidden, or the title is another")
	}

	// The button ends it: a script that a proxy adds to the page presses it.
	proxy := httptest.NewServer(f.pressing())
	defer proxy.Close()
	if _, err := rig.Page(t, proxy.URL+"/#token="+f.d.Relay.Token, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		if status := cmd.ProcessState.ExitCode(); status != 129 || !strings.Contains(errs.String(), "by admin") {
			t.Errorf("status %d, %s", status, errs.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("the session has not ended")
	}
}

// pressing serves the relay's page with a script that presses the first button of the sessions.
func (f *fixture) pressing() http.Handler {
	relay, err := url.Parse(f.d.Relay.URL)
	if err != nil {
		f.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(relay)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			b, err := io.ReadAll(r.Body)
			b = append(b, `<script>confirm = () => true; setInterval(() => {
				const button = document.querySelector("#sessions button");
				if (button) button.click();
			}, 500);</script>`...)
			r.Header.Del("Content-Security-Policy")
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
			r.ContentLength, r.Body = int64(len(b)), io.NopCloser(bytes.NewReader(b))
			return err
		},
	}
}
