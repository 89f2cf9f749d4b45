package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/v1"
)

// recordingSource is where a recording is read from.
type recordingSource struct {
	conn     *connection
	identity string
	also     []string // URLs of other relays that may have pieces
}

func (s *recordingSource) add(fs *pflag.FlagSet) {
	fs.StringVar(&s.identity, "identity", "",
		"decrypt recordings with the age identity in `FILE`, which does not leave this machine")
	fs.StringArrayVar(&s.also, "also", nil, "take pieces of the recording from the relay at `URL`, too")
}

func (s *recordingSource) identities() (recording.Identities, error) {
	if s.identity == "" {
		return nil, nil
	}
	list, err := recording.ReadIdentities(s.identity)
	if err != nil {
		return nil, usageError{fmt.Errorf("identity: %w", err)}
	}
	return list, nil
}

// relays returns clients of the relay and of those of --also.
func (s *recordingSource) relays() ([]*client.Client, error) {
	first, err := s.conn.client()
	if err != nil {
		return nil, err
	}
	all := []*client.Client{first}
	for _, u := range s.also {
		u = withScheme(u)
		token, err := s.conn.findToken(u)
		if err != nil {
			return nil, err
		}
		roots, err := s.conn.roots()
		if err != nil {
			return nil, err
		}
		c, err := client.NewTLS(u, token, roots)
		if err != nil {
			return nil, usageError{fmt.Errorf("also: %w", err)}
		}
		all = append(all, c)
	}
	return all, nil
}

// open opens a recording: of a session, or files that were exported. The files of a relay are
// fetched whole, as they are, before they are read: who plays them reads slowly.
func (s *recordingSource) open(ctx context.Context, args []string) (j *recording.Joined, end func(), err error) {
	identities, err := s.identities()
	if err != nil {
		return nil, nil, err
	}
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	defer func() {
		if err != nil { // then end is nil
			closeAll()
		}
	}()
	if len(args) == 1 && session.ValidID(args[0]) {
		if files, err = s.fetch(ctx, args[0]); err != nil {
			return nil, nil, err
		}
	} else {
		for _, path := range args {
			f, err := os.Open(path)
			if err != nil {
				return nil, nil, usageError{fmt.Errorf("%w: give the id of a session, or files", err)}
			}
			files = append(files, f)
		}
	}
	var pieces []*recording.Reader
	for _, f := range files {
		in, err := recording.Decrypt(f, identities)
		if err != nil {
			return nil, nil, err
		}
		r, err := recording.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		pieces = append(pieces, r)
	}
	slices.SortStableFunc(pieces, func(a, b *recording.Reader) int { return a.Begun().Compare(b.Begun()) })
	return recording.Join(pieces...), closeAll, nil
}

// fetch returns the files of a session's pieces.
func (s *recordingSource) fetch(ctx context.Context, id string) (files []*os.File, err error) {
	relays, err := s.relays()
	if err != nil {
		return nil, err
	}
	for _, relay := range relays {
		doc, err := relay.Recordings(ctx, url.Values{"session": {id}, "limit": {"1000"}})
		if err != nil {
			return files, err
		}
		for _, piece := range doc.Recordings {
			f, err := fetchPiece(ctx, relay, id, piece.Piece)
			if err != nil {
				return files, err
			}
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no recording of the session %s here that you may read: it was not recorded, "+
			"or is kept by another relay (--also)", id)
	}
	return files, nil
}

// fetchPiece fetches a file, into one that nobody else can open.
func fetchPiece(ctx context.Context, relay *client.Client, id, piece string) (*os.File, error) {
	body, err := relay.OpenRecording(ctx, id, piece)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	f, err := os.CreateTemp("", "daytwo-recording-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	if _, err = io.Copy(f, body); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("fetch the recording: %w", err)
	}
	return f, nil
}

// recordingFlags select recordings.
type recordingFlags struct {
	user, container, agent, since, until string
	limit                                int
}

func (f *recordingFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.user, "user", "", "only sessions that the user `NAME` has opened")
	fs.StringVar(&f.container, "container", "", "only sessions in containers whose id, name or task has `TEXT` in it")
	fs.StringVar(&f.agent, "agent", "", "only sessions on the node `AGENT`")
	fs.StringVar(&f.since, "since", "", "only sessions that ended after `TIME`, written as for 'daytwo log'")
	fs.StringVar(&f.until, "until", "", "only sessions that began before `TIME`")
	fs.IntVarP(&f.limit, "limit", "n", 100, "print at most `N`, at most 1000")
}

func (f *recordingFlags) values() url.Values {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	for name, value := range map[string]string{"user": f.user, "container": f.container, "agent": f.agent,
		"since": f.since, "until": f.until} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// recordingTable returns a row a piece.
func recordingTable(list []v1.Recording) *table {
	t := new(table)
	t.header("SESSION", "USER", "TASK", "AGENT", "BEGUN", ">LASTED", ">SIZE", "STATE", "COMMAND")
	for i := range list {
		r := &list[i]
		task := r.Tags["task_name"]
		if task == "" {
			task = r.Container
		}
		lasted := ""
		if !r.Ended.IsZero() {
			lasted = formatDuration(r.Ended.Sub(r.Begun))
		}
		t.row(r.Session, r.User, task, r.Agent, r.Begun.Local().Format("2006-01-02 15:04:05"), lasted,
			formatBytes(float64(r.Bytes)), recordingState(r), strings.Join(r.Command.Args, " "))
	}
	return t
}

// recordingState says in a few words how whole a piece is.
func recordingState(r *v1.Recording) string {
	state := "part"
	switch {
	case r.Active:
		state = "active"
	case r.Exit != nil:
		state = "exit " + strconv.Itoa(r.Exit.Code)
	case r.Ended.IsZero():
		state = "cut"
	}
	if r.Encrypted {
		state += ", encrypted"
	}
	return state
}

func sessionShowCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show SESSION",
		Short:   "Show what is known of a recorded session",
		Example: `  daytwo session show 4vd3k5gq2m7xw6zb`,
		Args:    cobra.ExactArgs(1),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		doc, err := relay.Recordings(cmd.Context(), url.Values{"session": {args[0]}, "limit": {"1000"}})
		if err != nil {
			return err
		}
		if len(doc.Recordings) == 0 {
			return fmt.Errorf("this relay has no recording of the session %s that you may read", args[0])
		}
		slices.Reverse(doc.Recordings)
		if out.data() {
			return out.print(cmd.OutOrStdout(), doc)
		}
		return showRecording(cmd.OutOrStdout(), doc.Recordings)
	}
	return cmd
}

// showRecording prints what is known of a session's pieces.
func showRecording(w io.Writer, pieces []v1.Recording) error {
	var t table
	r := &pieces[0]
	row := func(name, value string) {
		if value != "" {
			t.row(name, value)
		}
	}
	row("Session", r.Session)
	row("User", r.User)
	row("From", r.From)
	row("Rule", r.Rule)
	row("Node", r.Agent)
	row("Container", r.Container)
	for _, tag := range []string{"task_name", "task_id", "container_name", "application_name", "framework_name"} {
		row(tag, r.Tags[tag])
	}
	row("Command", strings.Join(r.Command.Args, " "))
	row("As user", r.Command.User)
	row("Input", map[bool]string{true: "recorded, as far as the terminal showed it", false: "not recorded"}[r.Input])
	for i := range pieces {
		p := &pieces[i]
		text := fmt.Sprintf("%s, %s, %s", p.Begun.Local().Format("2006-01-02 15:04:05"), formatBytes(float64(p.Bytes)),
			recordingState(p))
		if p.Exit != nil {
			text += ": " + p.Exit.String()
		}
		if p.Error != "" {
			text += ": " + p.Error
		}
		row("Piece", text)
	}
	return t.print(w)
}

// cutShort returns what is said when a recording is printed that is not whole.
func cutShort(err error) error {
	if errors.Is(err, recording.ErrCut) {
		return fmt.Errorf("%w; what was printed is all that there is", err)
	}
	return err
}
