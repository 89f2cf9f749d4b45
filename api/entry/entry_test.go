package entry

import "testing"

func TestOrigin(t *testing.T) {
	var o Origin
	if !o.SetTag("task_name", "web") || o.Tag("task_name") != "web" || o[len(o)-1] != "web" {
		t.Errorf("task_name: %q", o)
	}
	if o.SetTag("image", "x") || o.Tag("image") != "" {
		t.Errorf("image is no origin tag: %q", o)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	e := Entry{Fields: []Field{{"MESSAGE", []byte("a")}, {"TAG", []byte("b")}}}
	c := e.Clone()
	e.Fields[0].Value[0] = 'x'
	e.Fields[1] = Field{"OTHER", nil}
	if m, ok := c.Get("MESSAGE"); !ok || string(m) != "a" {
		t.Errorf("MESSAGE %q", m)
	}
	if v, ok := c.Get("TAG"); !ok || string(v) != "b" {
		t.Errorf("TAG %q", v)
	}
	if _, ok := c.Get("OTHER"); ok {
		t.Error("OTHER came from the original")
	}
}
