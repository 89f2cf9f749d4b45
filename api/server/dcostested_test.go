package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// tested asks what the tests of DC/OS ask (test_dcos_log.py of its integration tests).
type tested struct {
	*testing.T
	url string
}

// open returns a good answer that has certain headers.
func (c *tested) open(path, accept string, headers map[string]string) *http.Response {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), "GET", c.url+path, nil)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Authorization", "token="+testToken)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if id, ok := headers["Last-Event-ID"]; ok {
		req.Header.Set("Last-Event-ID", id)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode >= 400 {
		c.Fatalf("%s: %s", path, resp.Status)
	}
	for name, want := range headers {
		if got := resp.Header.Get(name); got != want && name != "Last-Event-ID" {
			c.Errorf("%s: %s is %q, want %q", path, name, got, want)
		}
	}
	return resp
}

func (c *tested) body(path, accept string, headers map[string]string) string {
	c.Helper()
	b, err := io.ReadAll(c.open(path, accept, headers).Body)
	if err != nil {
		c.Fatalf("%s: %v", path, err)
	}
	return string(b)
}

// entry checks a JSON entry.
func (c *tested) entry(text string) {
	c.Helper()
	var e map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(e) != 4 || string(e["fields"]) == "{}" {
		c.Errorf("%q: %v", text, err)
	}
	for _, name := range []string{"fields", "cursor", "monotonic_timestamp", "realtime_timestamp"} {
		if e[name] == nil {
			c.Errorf("no %s in %s", name, text)
		}
	}
}

var journaldCursor = regexp.MustCompile(`^id: s=[a-f0-9]+;i=[a-f0-9]+;b=[a-f0-9]+;m=[a-f0-9]+;t=[a-f0-9]+;x=[a-f0-9]+$`)

// stream checks the first two lines of a stream: an id and an entry.
func (c *tested) stream(path string) {
	c.Helper()
	resp := c.open(path, "text/event-stream", map[string]string{"Content-Type": "text/event-stream",
		"Cache-Control": "no-cache"})
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || !journaldCursor.MatchString(lines.Text()) {
		c.Fatalf("%s: the first line is %q", path, lines.Text())
	}
	lines.Scan()
	c.entry(strings.TrimPrefix(lines.Text(), "data: "))
}

// newEntry is the beginning of an entry as text.
var newEntry = regexp.MustCompile(`\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}: `)

// Each of the 14 functions with which DC/OS tested its log API holds here.
func TestDCOSTested(t *testing.T) {
	logs := testlogs.New("")
	number := 0
	add := func(id, stream, message string) {
		number++
		e := testlogs.Line(testtick.Agent, id, stream, message, number)
		e.Cursor = fmt.Sprintf("s=c0ffee;i=%x;b=b007;m=%x;t=%x;x=f00", number, number, number)
		logs.Add(e)
	}
	id := func(task int) string { return fmt.Sprintf("%064x", task+1) }
	for range 10 {
		add(id(0), "STDOUT", "STDOUT_LOG")
		add(id(0), "STDERR", "STDERR_LOG")
	}
	for _, word := range []string{"one", "two", "three", "four", "five"} {
		add(id(1), "STDOUT", word)
	}
	relay := serve(t, Options{Fleet: testtick.Local(testtick.New(2, true)), Agent: testtick.Agent, Cluster: "c",
		Logs: logs})
	t.Cleanup(relay.CloseClientConnections)
	const local, plain, events = "/system/v1/logs", "text/plain", "text/event-stream"
	run := func(name string, f func(c *tested)) {
		t.Run(name, func(t *testing.T) { f(&tested{t, relay.URL}) })
	}
	agents := func(c *tested) (paths []string) {
		var list struct{ Slaves []struct{ ID string } }
		if err := json.Unmarshal([]byte(c.body("/mesos/master/slaves", "", nil)), &list); err != nil ||
			len(list.Slaves) == 0 {
			c.Fatalf("%+v, %v", list, err)
		}
		for _, s := range list.Slaves {
			paths = append(paths, "/system/v1/agent/"+s.ID+"/logs")
		}
		return paths
	}
	// taskURL finds a task in the state of Mesos.
	taskURL := func(c *tested, name, kind string) (url, container string) {
		var state struct {
			Frameworks []struct {
				Tasks []struct {
					ID          string
					FrameworkID string `json:"framework_id"`
					ExecutorID  string `json:"executor_id"`
					SlaveID     string `json:"slave_id"`
					Statuses    []struct {
						ContainerStatus struct {
							ContainerID struct{ Value string } `json:"container_id"`
						} `json:"container_status"`
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(c.body("/mesos/state", "", nil)), &state); err != nil {
			c.Fatal(err)
		}
		for _, f := range state.Frameworks {
			for _, tk := range f.Tasks {
				if !strings.HasPrefix(tk.ID, name) {
					continue
				}
				if tk.ExecutorID == "" {
					tk.ExecutorID = tk.ID
				}
				if len(tk.Statuses) != 1 {
					c.Fatalf("%+v", tk)
				}
				container = tk.Statuses[0].ContainerStatus.ContainerID.Value
				return "/system/v1/agent/" + tk.SlaveID + "/logs/v1/" + kind + "/framework/" + tk.FrameworkID +
					"/executor/" + tk.ExecutorID + "/container/" + container, container
			}
		}
		c.Fatalf("no task %s", name)
		return "", ""
	}
	tenEntries := func(c *tested, path string) {
		if n := len(newEntry.FindAllString(c.body(path, "", map[string]string{"Content-Type": plain}), -1)); n != 10 {
			c.Errorf("%s: %d entries", path, n)
		}
	}
	outputs := func(c *tested, url string) {
		for _, stream := range []string{"STDOUT", "STDERR"} {
			if body := c.body(url+"?filter=STREAM:"+stream, "", nil); !strings.Contains(body, stream+"_LOG") {
				c.Errorf("%s: %q", stream, body)
			}
		}
	}
	browse := func(c *tested, task string) {
		var items []map[string]any
		body := c.body(local+"/v2/task/"+task+"/browse", "", nil)
		if err := json.Unmarshal([]byte(body), &items); err != nil {
			c.Fatalf("%s: %v", body, err)
		}
		var files []string
		for _, item := range items {
			for _, field := range []string{"gid", "mode", "mtime", "nlink", "path", "size", "uid"} {
				if item[field] == nil {
					c.Errorf("no %s in %v", field, item)
				}
			}
			path := item["path"].(string)
			files = append(files, path[strings.LastIndexByte(path, '/')+1:])
		}
		for _, file := range []string{"stdout", "stderr"} {
			if !slices.Contains(files, file) {
				c.Errorf("%s is not among %v", file, files)
			}
			if c.body(local+"/v2/task/"+task+"/file/"+file+"/download", "", map[string]string{
				"Content-Type": "application/octet-stream", "Content-Disposition": "attachment; filename=" + file}) == "" {
				c.Errorf("%s is empty", file)
			}
		}
	}
	run("log_text", func(c *tested) { tenEntries(c, local+"/v1/range/?limit=10") })
	run("log_json", func(c *tested) {
		c.entry(c.body(local+"/v1/range/?limit=1", "application/json", map[string]string{"Content-Type": "application/json"}))
	})
	run("log_server_sent_events", func(c *tested) {
		c.entry(strings.TrimPrefix(c.body(local+"/v1/range/?limit=1", events, map[string]string{
			"Content-Type": events, "Cache-Control": "no-cache"}), "data: "))
	})
	run("stream", func(c *tested) { c.stream(local + "/v1/stream/?skip_prev=1") })
	run("log_proxy", func(c *tested) {
		for _, agent := range agents(c) {
			tenEntries(c, agent+"/v1/range/?skip_prev=10&limit=10")
		}
	})
	run("task_logs", func(c *tested) {
		url, _ := taskURL(c, "web.0", "range")
		outputs(c, url)
		url, _ = taskURL(c, "web.0", "stream")
		c.stream(url)
	})
	run("pod_logs", func(c *tested) {
		url, container := taskURL(c, "web.0", "range")
		outputs(c, url)
		c.open(url+"/download?limit=10&postfix=stdout", "", map[string]string{
			"Content-Disposition": "attachment; filename=task-" + container + "-stdout.log.gz"})
	})
	run("log_v2_text", func(c *tested) { tenEntries(c, local+"/v2/component?limit=10") })
	run("log_v2_server_sent_events", func(c *tested) { c.stream(local + "/v2/component?limit=1") })
	run("log_v2_stream", func(c *tested) { c.stream(local + "/v2/component?skip=-1") })
	run("log_v2_proxy", func(c *tested) {
		for _, agent := range agents(c) {
			tenEntries(c, agent+"/v2/component?skip=-10&limit=10")
		}
	})
	run("log_v2_task_logs", func(c *tested) {
		for file, want := range map[string]string{"/file/stdout": "STDOUT_LOG", "/file/stderr": "STDERR_LOG"} {
			if body := c.body(local+"/v2/task/web.0"+file, "", nil); !strings.Contains(body, want) {
				c.Errorf("%s: %q", file, body)
			}
		}
		browse(c, "web.0")
	})
	run("log_v2_pod_logs", func(c *tested) { // by a part of the task's id
		for file, want := range map[string]string{"": "STDOUT_LOG", "/file/stderr": "STDERR_LOG"} {
			if body := c.body(local+"/v2/task/eb.0"+file, "", nil); !strings.Contains(body, want) {
				c.Errorf("%s: %q", file, body)
			}
		}
		browse(c, "eb.0")
	})
	run("log_v2_api", func(c *tested) {
		const file = local + "/v2/task/web.1/file/stdout?"
		for params, want := range map[string]string{
			"skip=2": "three\nfour\nfive\n", "cursor=END&skip=-2": "four\nfive\n", "skip=3&limit=1": "four\n",
			"cursor=7&skip=1": "four\nfive\n", "cursor=7&skip=-1&limit=1": "two\n",
			"cursor=END&skip=-5": "one\ntwo\nthree\nfour\nfive\n",
		} {
			if got := c.body(file+params, "", nil); got != want {
				c.Errorf("%s: %q, want %q", params, got, want)
			}
		}
		if got := c.body(file+"cursor=END&skip=-1", "",
			map[string]string{"Last-Event-ID": "7"}); got != "three\nfour\nfive\n" {
			c.Errorf("after an event: %q", got)
		}
	})
}
