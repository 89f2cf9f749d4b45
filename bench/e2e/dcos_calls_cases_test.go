package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestDCOSCalls(t *testing.T) {
	c, d := newAgentCalls(t, rig.Options{})
	quiet := c.goLaunch("quiet", false, "sleep", "40") // see the end of this test
	began := time.Now()
	for name, test := range map[string]func(*agentCalls){
		"debugged": (*agentCalls).isDebugged, "terminal": (*agentCalls).typesOnTerminal,
		"streams": (*agentCalls).hasStreams,
		"end":     (*agentCalls).endsWell, "hang up": (*agentCalls).hangsUp, "one writer": (*agentCalls).hasOneWriter,
		"no replay": (*agentCalls).attaches, "destroyed": (*agentCalls).isDestroyed, "errors": (*agentCalls).refuses,
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/slave/", "/agent/"} {
				c := *c
				c.T, c.path = t, path+dcosAgent+"/api/v1"
				test(&c)
			}
		})
	}
	t.Run("others", func(t *testing.T) {
		c := *c
		c.T = t
		c.isNobodyElses(d)
	})
	// A stream on which nothing is printed lives, by heartbeats.
	r := c.launched(quiet, protobufType)
	beat := fields(field(1, 2), field(3, fields(field(1, 2), field(3, field(1, field(1, 30_000_000_000))))))
	b, err := c.record(r)
	if took := time.Since(began); err != nil || took < 29*time.Second || took > 45*time.Second ||
		string(b) != string(beat) {
		t.Errorf("after %v: %q, %v", took, b, err)
	}
	if out, errs := c.goOutput(r, ""); out != "" || errs != "" {
		t.Errorf("%q, %q", out, errs)
	}
	d.Stop(t)
}

// id is an id that nobody has used.
func (c *agentCalls) id() string { return rig.UniqueName("debug") }

// isDebugged does what DC/OS' test_if_marathon_app_can_be_debugged does, in its order.
func (c *agentCalls) isDebugged() {
	nested := map[string]any{"value": c.id(), "parent": map[string]string{"value": c.container}}
	output := []string{"Content-Type", jsonType, "Accept", recordType, "Message-Accept", jsonType}
	call := func(v map[string]any) io.Reader {
		b, err := json.Marshal(v)
		if err != nil {
			c.Fatal(err)
		}
		return bytes.NewReader(b)
	}
	launched := c.launched(c.do("POST", c.path, output, call(map[string]any{"type": "LAUNCH_NESTED_CONTAINER_SESSION",
		"launch_nested_container_session": map[string]any{"command": map[string]string{"value": "cat"},
			"container_id": nested}})), jsonType)
	attached := c.launched(c.do("POST", c.path, output, call(map[string]any{"type": "ATTACH_CONTAINER_OUTPUT",
		"attach_container_output": map[string]any{"container_id": nested}})), jsonType)
	var body bytes.Buffer
	data := func(text string) map[string]any {
		return map[string]any{"type": "PROCESS_IO", "process_io": map[string]any{"type": "DATA",
			"data": map[string]string{"type": "STDIN", "data": text}}}
	}
	for _, message := range []map[string]any{{"type": "CONTAINER_ID", "container_id": nested}, data("meow"), data("")} {
		b, err := json.Marshal(map[string]any{"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": message})
		if err != nil {
			c.Fatal(err)
		}
		fmt.Fprintf(&body, "%d\n%s", len(b), b)
	}
	input := []string{"Content-Type", recordType, "Message-Content-Type", jsonType, "Accept", jsonType}
	resp := c.do("POST", c.path, input, io.MultiReader(&body)) // of no known length, so that it is sent in chunks
	if status, body := c.reply(resp); status != http.StatusOK || body != "" {
		c.Errorf("input: %d, %s", status, body)
	}
	for _, r := range []*bufio.Reader{launched, attached} {
		meowed := false
		for {
			b, err := c.record(r)
			if err == io.EOF {
				break
			}
			if err != nil {
				c.Fatal(err)
			}
			var m struct {
				Type string
				Data struct{ Type, Data string }
			}
			if err := json.Unmarshal(b, &m); err != nil || m.Type == "DATA" && m.Data.Data != "meow" {
				c.Errorf("%s, %v", b, err)
			}
			meowed = meowed || m.Type == "DATA"
		}
		if !meowed {
			c.Error("no meow was seen")
		}
	}
}

// typesOnTerminal does what the Go command line does with -it.
func (c *agentCalls) typesOnTerminal() {
	id := c.id()
	r := c.launched(c.goLaunch(id, true, "sh"), protobufType)
	in := c.goInput(id)
	in.resize(0, 0)
	in.resize(57, 203)
	in.heartbeat()
	for _, b := range []byte("stty size; echo $TERM; tty\n") {
		in.stdin(string(b))
	}
	out, _ := c.goOutput(r, "/dev/pts/")
	if !strings.Contains(out, "57 203\r\nxterm\r\n") {
		c.Errorf("the terminal says %q", out)
	}
	// The Go client sends an end of input when it detaches: with a terminal it is none.
	in.stdin("")
	in.Close()
	in.answered(c)
	again := c.goInput(id)
	again.stdin("echo still $((1+1)) here; exit 7\n")
	if out, _ := c.goOutput(r, ""); !strings.Contains(out, "still 2 here") {
		c.Errorf("after an empty input: %q", out)
	}
	if status, body := c.goWait(id); status != http.StatusOK || body != ended(7<<8) {
		c.Errorf("the end: %d %q", status, body)
	}
	again.Close()
	again.answered(c)
}

// hasStreams runs a command without a terminal.
func (c *agentCalls) hasStreams() {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "sh", "-c", "cat; echo err >&2; kill -9 $$"), protobufType)
	in := c.goInput(id)
	want := strings.Repeat("0123456789abcde\n", 20_000)
	for rest := want; rest != ""; rest = rest[512:] {
		in.stdin(rest[:512])
	}
	in.stdin("")
	in.Close()
	out, errs := c.goOutput(r, "")
	if out != want || errs != "err\n" {
		c.Errorf("%d bytes of %d came back, and %q", len(out), len(want), errs)
	}
	in.answered(c)
	if status, body := c.goWait(id); status != http.StatusOK || body != ended(9) {
		c.Errorf("the end: %d %q", status, body)
	}
	// The program that is not there has a status, and its reason is said.
	id = c.id()
	out, errs = c.goOutput(c.launched(c.goLaunch(id, false, "nothing-of-this-name"), protobufType), "")
	if status, body := c.goWait(id); body != ended(127<<8) || out != "" ||
		!strings.Contains(errs, "nothing-of-this-name") {
		c.Errorf("a command that does not exist: %d %q, %q, %q", status, body, out, errs)
	}
}

// endsWell asks for a container after it has ended.
func (c *agentCalls) endsWell() {
	id := c.id()
	if out, _ := c.goOutput(c.launched(c.goLaunch(id, false, "echo", "done"), protobufType), ""); out != "done\n" {
		c.Errorf("%q", out)
	}
	for range 2 { // at once, and both
		in := c.goInput(id)
		in.stdin("too late\n")
		in.Close()
		in.answered(c)
		if status, body := c.goWait(id); status != http.StatusOK || body != ended(0) {
			c.Errorf("the end: %d %q", status, body)
		}
		if out, errs := c.goOutput(c.launched(c.goAttach(c.goID(id)), protobufType), ""); out != "" || errs != "" {
			c.Errorf("%q, %q", out, errs)
		}
	}
	wait := fmt.Sprintf(`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":%q,"parent":{"value":%q}}}}`,
		id, c.container)
	resp := c.do("POST", c.path, []string{"Content-Type", jsonType}, strings.NewReader(wait))
	if _, body := c.reply(resp); body != `{"type":"WAIT_CONTAINER","wait_container":{"exit_status":0}}` ||
		resp.Header.Get("Content-Type") != jsonType {
		c.Errorf("the end as JSON: %s, %v", body, resp.Header)
	}
}

// hangsUp does what the Go command line does when it is told to end: it ends its input without
// saying so, and waits for the end of the output.
func (c *agentCalls) hangsUp() {
	for script, want := range map[string]string{"sleep 1000": ended(1), "trap '' HUP; sleep 1000": ended(9)} {
		id := c.id()
		r := c.launched(c.goLaunch(id, true, "sh", "-c", "echo run; "+script), protobufType)
		c.goOutput(r, "run")
		in := c.goInput(id)
		in.resize(20, 70)
		in.Close()
		began := time.Now()
		c.goOutput(r, "")
		if took := time.Since(began); took > 15*time.Second {
			c.Errorf("%s: it took %v", script, took)
		}
		in.answered(c)
		if status, body := c.goWait(id); status != http.StatusOK || body != want {
			c.Errorf("%s: the end: %d %q, want %q", script, status, body, want)
		}
	}
}

// hasOneWriter lets two clients write.
func (c *agentCalls) hasOneWriter() {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "cat"), protobufType)
	in := c.goInput(id)
	in.stdin("first\n")
	c.goOutput(r, "first\n")
	second := c.goInput(id)
	select {
	case resp := <-second.answer: // while its body goes on
		if status, body := c.reply(resp); status != http.StatusConflict || !strings.Contains(body, "another client writes") {
			c.Errorf("the second one: %d %s", status, body)
		}
	case <-time.After(20 * time.Second):
		c.Fatal("the second one is not answered")
	}
	second.Close()
	in.Close()
	in.answered(c)
	third := c.goInput(id)
	third.stdin("third\n")
	third.stdin("")
	if out, _ := c.goOutput(r, ""); out != "third\n" {
		c.Errorf("%q", out)
	}
	third.Close()
	third.answered(c)
}

// attaches has several readers, who see what comes from then on.
func (c *agentCalls) attaches() {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "sh", "-c", "echo before; cat; echo after"), protobufType)
	c.goOutput(r, "before\n")
	one := c.launched(c.goAttach(c.goID(id)), protobufType)
	two := c.launched(c.goAttach(c.goID(id)), protobufType)
	in := c.goInput(id)
	in.stdin("typed\n")
	in.stdin("")
	in.Close()
	in.answered(c)
	for i, r := range []*bufio.Reader{r, one, two} {
		if out, errs := c.goOutput(r, ""); out != "typed\nafter\n" || errs != "" {
			c.Errorf("reader %d: %q, %q", i, out, errs)
		}
	}
}

// isDestroyed drops the connection of a launch.
func (c *agentCalls) isDestroyed() {
	id := c.id()
	mark := fmt.Sprint(1_000_000 + os.Getpid())
	resp := c.goLaunch(id, false, "sh", "-c", "setsid sleep "+mark+" & echo run; exec sleep "+mark)
	c.goOutput(c.launched(resp, protobufType), "run\n")
	resp.Body.Close()
	if status, body := c.goWait(id); status != http.StatusOK || body != ended(9) {
		c.Errorf("the end: %d %q", status, body)
	}
	rig.Eventually(c, 5*time.Second, func() error { return notRunning("sleep " + mark) })
}

// refuses has the errors, as text that the Go command line shows.
func (c *agentCalls) refuses() {
	id := c.id()
	r := c.goLaunch(id, false, "cat")
	c.launched(r, protobufType)
	nested := fmt.Sprintf(`{"value":%q,"parent":{"value":%q}}`, id, c.container)
	launch := func(id string) string {
		return `{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{"container_id":` + id +
			`,"command":{"value":"cat"}}}`
	}
	of := func(kind, id string) string {
		return fmt.Sprintf(`{"type":%q,%q:{"container_id":%s}}`, kind, strings.ToLower(kind), id)
	}
	record := func(call string) string { return fmt.Sprintf("%d\n%s", len(call), call) }
	input := func(id string) string {
		return record(`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"CONTAINER_ID","container_id":` +
			id + `}}`)
	}
	task := fmt.Sprintf(`{"value":%q}`, c.container)
	unknown := fmt.Sprintf(`{"value":"x","parent":{"value":%q}}`, c.container)
	away := `{"value":"x","parent":{"value":"nothing-of-this-id"}}`
	part := fmt.Sprintf(`{"value":"x","parent":{"value":%q}}`, c.container[:len(c.container)-1])
	json := []string{"Content-Type", jsonType}
	records := []string{"Content-Type", recordType, "Message-Content-Type", jsonType}
	for _, call := range []struct {
		headers []string
		body    string
		status  int
		text    string
	}{
		{json, launch(nested), 409, "already"},
		{json, launch(away), 404, "no running container"},
		{json, launch(part), 404, "no running container"}, // an id is no part of a name
		{json, launch(task), 400, "parent is missing"},
		{json, `{`, 400, "not the JSON"},
		{json, `{"type":"GET_STATE"}`, 400, "no other calls"},
		{json, of("ATTACH_CONTAINER_OUTPUT", unknown), 404, "no container of this id"},
		{json, of("WAIT_CONTAINER", unknown), 404, "no container of this id"},
		{json, of("WAIT_CONTAINER", task), 404, "not known here"},
		{json, strings.Repeat(" ", 2<<20) + launch(nested), 413, "too large"},
		{[]string{"Content-Type", "text/plain"}, launch(nested), 415, "Content-Type"},
		{[]string{"Content-Type", recordType}, input(nested), 415, "Message-Content-Type"},
		{append(json, "Message-Accept", "text/plain"), launch(unknown), 406, "Message-Accept"},
		{records, input(unknown), 404, "no container of this id"},
		{records, input(task), 400, "--no-stdin"},
		{records, "x", 400, "RecordIO"},
		{records, "", 400, "first record"},
		{records, record(of("WAIT_CONTAINER", nested)), 400, "first record"},
		{records, input(nested) + "999999999\n", 400, "RecordIO"},
		{records, input(nested) + record(of("WAIT_CONTAINER", nested)), 400, "PROCESS_IO"},
		{json, input(nested), 400, "not the JSON"},
	} {
		resp := c.do("POST", c.path, call.headers, strings.NewReader(call.body))
		status, body := c.reply(resp)
		if status != call.status || !strings.Contains(body, call.text) ||
			!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			c.Errorf("%v %.200s: %d %q, %v; want %d %q", call.headers, strings.TrimSpace(call.body), status, body, resp.Header,
				call.status, call.text)
		}
	}
	other := *c
	other.token = "some-other-token-altogether"
	if status, body := c.reply(other.goLaunch("x", false, "true")); status != http.StatusUnauthorized {
		c.Errorf("a wrong token: %d %s", status, body)
	}
	other = *c
	other.path = "/slave/nobody/api/v1"
	if status, body := c.reply(other.goLaunch("x", false, "true")); status != http.StatusNotFound ||
		!strings.Contains(body, "no agent nobody") {
		c.Errorf("an unknown agent: %d %s", status, body)
	}
	r.Body.Close()
}

// isNobodyElses lets other users call for a container that the admin opened.
func (c *agentCalls) isNobodyElses(d *rig.Daytwo) {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "cat"), protobufType)
	eve, tim := c.login(d, "eve"), c.login(d, "tim")
	in := eve.goInput(id)
	if status, body := c.reply(<-in.answer); status != http.StatusNotFound {
		c.Errorf("input of another one: %d %s", status, body)
	}
	in.Close()
	if status, body := c.reply(eve.goAttach(c.goID(id))); status != http.StatusNotFound {
		c.Errorf("output of another one: %d %s", status, body)
	}
	if status, body := eve.goWait(id); status != http.StatusNotFound {
		c.Errorf("the end of another one: %d %s", status, body)
	}
	// Under the same id there is one of her own.
	if out, _ := c.goOutput(c.launched(eve.goLaunch(id, false, "echo", "hers"), protobufType), ""); out != "hers\n" {
		c.Errorf("%q", out)
	}
	for _, who := range []*agentCalls{tim} { // who may use the address, and enter nothing
		if status, body := c.reply(who.goLaunch(id, false, "true")); status != http.StatusNotFound &&
			status != http.StatusForbidden {
			c.Errorf("without the right: %d %s", status, body)
		}
	}
	mine := c.goInput(id)
	mine.stdin("mine\n")
	mine.stdin("")
	mine.Close()
	if out, _ := c.goOutput(r, ""); out != "mine\n" {
		c.Errorf("%q", out)
	}
}
