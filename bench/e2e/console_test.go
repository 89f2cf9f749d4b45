package e2e

import (
	"fmt"
	"html"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xhtml "golang.org/x/net/html"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// L-A22: names of tasks, and what they send as events, are text in the console, whatever is in
// them: no element comes from them, no script, no title, and not one character is lost.
func TestConsoleShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	rig.NeedRoot(t, "daytwo run")
	d := rig.Up(t, "--no-bpf", "--interval", "200ms")
	hostile := []string{
		`<img src=x onerror="document.title='taken'">`, "\x1b[2J\x1b]0;taken\x07\x1b]52;c;dGFrZW4=\x07\u009b31m",
		`</td></table><script>document.title='taken'</script>`, "\u202egnp.exe\u2066 \r &lt;b&gt; &#60;i&#62;",
		`" autofocus onfocus="document.title='taken'" x="`, `javascript:document.title='taken'`,
	}
	socket := filepath.Join(d.Data, launch.SocketName)
	for _, name := range hostile {
		task := exec.Command(rig.Binary(t), "run", "--socket", socket, "--name", name, "--log", "none", "--", "sleep", "600")
		rig.StartProcess(t, task)
	}
	conn, err := net.Dial("udp", d.Statsd)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i, text := range hostile {
		title := hostile[(i+1)%len(hostile)]
		fmt.Fprintf(conn, "_e{%d,%d}:%s|%s", len(title), len(text), title, text)
	}
	var page string
	rig.Eventually(t, 20*time.Second, func() (err error) {
		if page, err = rig.Page(t, d.Relay.URL+"/#token="+d.Relay.Token, 5*time.Second); err != nil {
			return err
		}
		text := html.UnescapeString(page)
		for i, want := range hostile {
			event := hostile[(i+1)%len(hostile)] + ": " + want
			if !strings.Contains(text, ">"+want+"</td>") || !strings.Contains(text, ">"+event+"</td>") {
				return fmt.Errorf("%q is not shown as it is:\n%s", want, page)
			}
		}
		return nil
	})
	if !strings.Contains(page, "<title>daytwo</title>") {
		t.Errorf("the title is another:\n%s", page)
	}
	elements := map[string]int{}
	for z := xhtml.NewTokenizer(strings.NewReader(page)); z.Next() != xhtml.ErrorToken; {
		token := z.Token()
		if token.Type != xhtml.StartTagToken && token.Type != xhtml.SelfClosingTagToken {
			continue
		}
		elements[token.Data]++
		for _, a := range token.Attr {
			if a.Key == "onerror" || a.Key == "onfocus" {
				t.Errorf("an element of a name: %s", token)
			}
		}
	}
	for name, want := range map[string]int{"img": 0, "b": 0, "i": 0, "script": 1, "table": 4} {
		if elements[name] != want {
			t.Errorf("%d elements %s, want %d:\n%s", elements[name], name, want, page)
		}
	}
	d.Stop(t)
}
