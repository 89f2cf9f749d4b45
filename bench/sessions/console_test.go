package sessions

import (
	"fmt"
	"html"
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
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
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
}
