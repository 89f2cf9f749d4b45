package cli

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// header adds the names of the columns.
func (o *eventOptions) header(t *table, senders bool) {
	names := []string{"TIME"}
	if senders {
		names = append(names, "AGENT", "CONTAINER")
	}
	if names = append(names, "ALERT"); o.out.wide() {
		names = append(names, "TAGS")
	}
	t.header(append(names, "EVENT")...)
}

// rows adds a row per event.
func (o *eventOptions) rows(t *table, list []v1.Event, senders bool) {
	for i := range list {
		e := &list[i]
		row := []string{e.Time.Local().Format(time.DateTime)}
		if senders {
			agent := e.AgentID
			if !o.out.wide() {
				agent = agent[:min(len(agent), 12)]
			}
			row = append(row, agent, cmp.Or(e.Container, unknownSender))
		}
		if row = append(row, e.AlertType); o.out.wide() {
			var tags []string
			for _, name := range slices.Sorted(maps.Keys(e.Tags)) {
				tags = append(tags, name+":"+e.Tags[name])
			}
			row = append(row, strings.Join(tags, ","))
		}
		t.row(append(row, eventText(e))...)
	}
}

// eventText returns the title and text of an event on one line.
func eventText(e *v1.Event) string {
	text := e.Title
	for _, more := range []string{e.Text, e.Message} {
		if more = strings.Join(strings.Fields(more), " "); more != "" {
			text += ": " + more
		}
	}
	return text
}

// eventLines writes a JSON object per line.
func eventLines(w io.Writer, list []v1.Event) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}
