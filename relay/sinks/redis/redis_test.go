package redis

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// start starts a real server.
func start(t *testing.T, args ...string) (address string, p *rig.Process) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		rig.Missing(t, "redis-server", err.Error(), "apt-get install redis-server")
	}
	address = rig.FreePort(t)
	return address, startAt(t, path, address, args...)
}

func startAt(t *testing.T, path, address string, args ...string) *rig.Process {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	p := rig.StartProcess(t, exec.Command(path, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "",
		"--appendonly", "no", "--dir", t.TempDir()}, args...)...))
	rig.Eventually(t, 20*time.Second, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	})
	return p
}

func open(t *testing.T, c Config) sink.Sink {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func client(t *testing.T, address, password string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: address, Password: password})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDelivers(t *testing.T) {
	address, _ := start(t, "--requirepass", "hush")
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Addresses: sink.StringList{address}, Password: sink.File(secret)})
	if res := s.Write(t.Context(), testlog.Records(0, 5)); len(res.Retry) != 5 || s.Test(t.Context()) == nil {
		t.Errorf("with a wrong password: %+v", res)
	}
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := append(testlog.Records(0, 500), testlog.Odd()...)
	if res := s.Write(t.Context(), batch); res.Err != nil || len(res.Retry) > 0 {
		t.Fatalf("%+v", res)
	}
	if err := s.Test(t.Context()); err != nil {
		t.Error(err)
	}
	got, err := client(t, address, "hush").LRange(t.Context(), "logstash", 0, -1).Result()
	if err != nil || len(got) != len(batch) {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	for i, text := range got { // logstash JSON v1
		var d map[string]any
		if err := json.Unmarshal([]byte(text), &d); err != nil || d["@version"] != "1" || d["id"] != batch[i].ID {
			t.Errorf("entry %d: %v %.200s", i, err, text)
		}
		if at, err := time.Parse(time.RFC3339Nano, d["@timestamp"].(string)); err != nil || !at.Equal(batch[i].Time()) {
			t.Errorf("entry %d: %v", i, d["@timestamp"])
		}
	}
}

// L-A20: Redis that says no: full memory, a replica, a full list; then it says yes.
func TestLA20RedisSaysNo(t *testing.T) {
	address, p := start(t, "--maxmemory", "10mb", "--maxmemory-policy", "noeviction")
	s := open(t, Config{Addresses: sink.StringList{address}})
	c := client(t, address, "")
	big := func(i int) *sink.Record { return testlog.Record(i, strings.Repeat("x", 300<<10)) }
	var batch []*sink.Record
	for i := range 40 { // about 12 MB: the first ones have room
		batch = append(batch, big(i))
	}
	res := s.Write(t.Context(), batch)
	n, err := c.LLen(t.Context(), "logstash").Result()
	if err != nil || len(res.Retry) == 0 || len(res.Retry) == 40 || int(n)+len(res.Retry) != 40 ||
		res.Retry[0] != int(n) || !strings.Contains(res.Err.Error(), "OOM") {
		t.Fatalf("%d in the list, %d to retry, %v, %v", n, len(res.Retry), res.Err, err)
	}
	if err := c.Del(t.Context(), "logstash").Err(); err != nil { // as a reader empties it
		t.Fatal(err)
	}
	if res := s.Write(t.Context(), batch[n:n+3]); res.Err != nil {
		t.Errorf("%+v", res)
	}
	if err := c.ReplicaOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 ||
		!strings.Contains(res.Err.Error(), "READONLY") {
		t.Errorf("a replica: %+v", res)
	}
	if err := c.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	bounded := open(t, Config{Addresses: sink.StringList{address}, MaxLength: 3})
	if res := bounded.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 ||
		!strings.Contains(res.Err.Error(), "max_length") {
		t.Errorf("a full list: %+v", res)
	}
	p.Kill()
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 {
		t.Errorf("no server: %+v", res)
	}
	startAt(t, "redis-server", address)
	rig.Eventually(t, 10*time.Second, func() error { return s.Write(t.Context(), testlog.Records(0, 3)).Err })
}

// L-A20: of a pipeline in which every other push fails, those alone are to be tried again.
func TestLA20HalfAPipeline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go halfServer(c)
		}
	}()
	s := open(t, Config{Addresses: sink.StringList{l.Addr().String()}})
	res := s.Write(t.Context(), testlog.Records(0, 6))
	if !reflect.DeepEqual(res.Retry, []int{1, 3, 5}) || !strings.Contains(res.Err.Error(), "LOADING") {
		t.Errorf("%+v", res)
	}
}

// halfServer answers every second RPUSH by an error, in RESP2.
func halfServer(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	pushes := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil || line[0] != '*' {
			return
		}
		n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
		args := make([]string, n)
		for i := range args {
			size, err := in.ReadString('\n')
			if err != nil {
				return
			}
			m, _ := strconv.Atoi(strings.TrimSpace(size[1:]))
			b := make([]byte, m+2)
			if _, err := io.ReadFull(in, b); err != nil {
				return
			}
			args[i] = string(b[:m])
		}
		switch strings.ToLower(args[0]) {
		case "rpush":
			if pushes++; pushes%2 == 0 {
				io.WriteString(c, "-LOADING Redis is loading the dataset in memory\r\n")
			} else {
				fmt.Fprintf(c, ":%d\r\n", pushes)
			}
		case "hello":
			io.WriteString(c, "-ERR unknown command 'HELLO'\r\n")
		default:
			io.WriteString(c, "+OK\r\n")
		}
	}
}
