package relay

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/daytwo/daytwo/relay/ingest"
)

// escape escapes a label's value for the text format.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// WriteMetrics writes the relay's own metrics in Prometheus' text format 0.0.4.
func (r *Relay) WriteMetrics(w io.Writer) {
	s := r.Stats()
	b := bufio.NewWriter(w)
	defer b.Flush()
	head := func(name, typ, help string) {
		fmt.Fprintf(b, "# HELP daytwo_relay_%s %s\n# TYPE daytwo_relay_%s %s\n", name, help, name, typ)
	}
	one := func(name, typ, help string, v any) {
		head(name, typ, help)
		fmt.Fprintf(b, "daytwo_relay_%s %v\n", name, v)
	}
	flag := func(on bool) int {
		if on {
			return 1
		}
		return 0
	}
	in, re, fl := &s.Ingest, &s.Recent, &s.Fleet
	one("frames_total", "counter", "Frames received, with whatever result.", in.Total())
	one("frame_bytes_total", "counter", "Bytes of frames received.", in.Bytes)
	one("stored_total", "counter", "Frames stored.", in.Frames[ingest.Stored])
	one("duplicates_total", "counter", "Frames dropped because they were received before.", in.Frames[ingest.Duplicate])
	one("orphans_total", "counter", "Frames dropped because their keyframe was never received.", in.Frames[ingest.Orphan])
	head("rejects_total", "counter", "Frames dropped because they were invalid, by reason.")
	for _, v := range ingest.Rejects() {
		fmt.Fprintf(b, "daytwo_relay_rejects_total{reason=%q} %d\n", v, in.Frames[v])
	}
	one("not_yet_total", "counter", "Times that a frame, and all later ones, had to wait to be stored.", in.NotYet)
	one("unacknowledged", "gauge", "Frames received from NATS that are not acknowledged yet.", in.Unacknowledged)
	one("gaps_total", "counter", "Ticks that were missing when a later one arrived.", re.Gaps)
	one("late_total", "counter", "Missing ticks that arrived later.", re.Late)
	one("missing", "gauge", "Ticks of all agents that are missing although later ones arrived.", re.Missing)
	one("ready", "gauge", "1 while frames can be received.", flag(in.Connected))
	one("attached_total", "counter", "Times that the relay attached to its consumer of the stream.", in.Attached)
	one("consumer_pending", "gauge", "Frames in the stream that were not delivered yet.", in.Pending)
	one("consumer_delay_seconds", "gauge",
		"Time from the stream to this relay, of the newest frame.", float64(in.Delay)/1e9)

	one("memory_frames", "gauge", "Frames kept in memory.", re.MemoryFrames)
	one("memory_bytes", "gauge", "Bytes of frames kept in memory, with their index.", re.MemoryBytes)
	one("disk_frames", "gauge", "Frames kept on disk.", re.DiskFrames)
	one("disk_bytes", "gauge", "Bytes of frames kept on disk.", re.DiskBytes)
	one("disk_segments", "gauge", "Segments of history on disk.", re.Segments)
	one("disk_failing", "gauge", "1 while history cannot be written to disk.", flag(re.DiskFailing))
	one("disk_pending_frames", "gauge", "Frames in memory that wait to be written to disk.", re.Pending)
	one("disk_pending_bytes", "gauge", "Bytes of frames in memory that wait to be written to disk.", re.PendingBytes)
	one("disk_stalls_total", "counter", "Times that the disk did not respond for ten seconds.", re.Stalls)
	one("disk_errors_total", "counter", "Failed reads and writes of history.", re.DiskErrors)
	one("disk_unwritten_total", "counter", "Frames kept in memory only because the disk failed or stalled.", re.Unwritten)
	one("disk_carried_total", "counter", "Keyframes copied so that each segment can be read without others.", re.Carried)
	one("disk_torn_segments_total", "counter", "Segments found torn or unreadable at start.", re.Torn)
	one("disk_torn_bytes_total", "counter", "Bytes cut off torn segments at start.", re.TornBytes)

	one("agents", "gauge", "Agents that sent a tick within 24 hours.", fl.Agents)
	one("agents_stale", "gauge", "Agents that have been silent for three intervals, at least 15 seconds.", fl.Stale)
	one("agent_restarts_total", "counter", "Runs of collectors that replaced an earlier one.", fl.Restarts)
	one("agent_conflicts_total", "counter",
		"Replaced runs that sent again: two machines may have the same agent id.", fl.Conflicts)
	one("cache_bytes", "gauge", "Approximate bytes of decoded ticks in memory.", fl.CacheBytes)
	one("decoded_total", "counter", "Frames and ticks decoded.", fl.Decoded+re.Decoded)
	one("decode_errors_total", "counter",
		"Frames and ticks that could not be decoded.", fl.DecodeErrors+re.DecodeErrors)
	one("decode_seconds_total", "counter", "Time spent decoding.", (fl.DecodeTime + re.DecodeTime).Seconds())
	head("agent_missing", "gauge", "Ticks of an agent that are missing although later ones arrived.")
	for _, g := range r.store.Missing() {
		agent := escape.Replace(strings.ToValidUTF8(g.Agent, "\uFFFD"))
		fmt.Fprintf(b, "daytwo_relay_agent_missing{agent_id=\"%s\"} %d\n", agent, g.Ticks)
	}
}
