package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/v1"
)

func sessionSearchCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "search [flags] TEXT",
		Short: "Search for a text in recordings",
		Long: `Search for a text in the recordings of sessions: in what their programs printed, without
escape sequences and with what was deleted by backspace taken back, and in what was typed,
if that is recorded.

Encrypted recordings are searched only with --identity: they are fetched, and decrypted
here.`,
		Example: `  daytwo session search 'rm -rf'
  daytwo session search -i --user ann --since -7d password`,
		Args: cobra.ExactArgs(1),
	}
	var f recordingFlags
	source := recordingSource{conn: conn}
	ignore := cmd.Flags().BoolP("ignore-case", "i", false, "take small and capital letters for the same")
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&source.identity, "identity", "",
		"search encrypted recordings, too, with the age identity in `FILE`")
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if args[0] == "" {
			return usageError{errors.New("write what is searched for")}
		}
		identities, err := source.identities()
		if err != nil {
			return err
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		q := f.values()
		s := search{relay: relay, query: recording.Query{Text: args[0], IgnoreCase: *ignore, Limit: f.limit}}
		if err := s.clear(cmd.Context(), q); err != nil {
			return err
		}
		if identities != nil && s.found.Encrypted > 0 {
			s.found.Encrypted = 0
			if err := s.encrypted(cmd.Context(), f.values(), identities); err != nil {
				return err
			}
		}
		for what, n := range map[string]int{"are encrypted and were not searched (--identity)": s.found.Encrypted,
			"could not be searched to their end": s.found.Failed} {
			if n > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "daytwo: %d recordings %s\n", n, what)
			}
		}
		if s.found.More != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "daytwo: there may be more: narrow the search, or give a larger --limit")
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), &s.found)
		}
		var t table
		t.header("SESSION", "TIME", ">AT", "LINE")
		for _, m := range s.found.Matches {
			line := m.Line
			if m.Input {
				line = "> " + line
			}
			t.row(m.Session, m.Time.Local().Format(time.DateTime), m.At.Round(time.Second).String(), line)
		}
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

// search collects what is found.
type search struct {
	relay *client.Client
	query recording.Query
	found v1.RecordingMatches
}

// clear lets the relay search what is not encrypted.
func (s *search) clear(ctx context.Context, q url.Values) error {
	q.Set("text", s.query.Text)
	if s.query.IgnoreCase {
		q.Set("ignore_case", "1")
	}
	for {
		doc, err := s.relay.SearchRecordings(ctx, q)
		if err != nil {
			return err
		}
		s.found.Matches = append(s.found.Matches, doc.Matches...)
		s.found.Encrypted += doc.Encrypted
		s.found.Failed += doc.Failed
		s.found.More = doc.More
		left := s.query.Limit - len(s.found.Matches)
		if doc.More == "" || left <= 0 {
			return nil
		}
		q.Set("after", doc.More)
		q.Set("limit", strconv.Itoa(left))
	}
}

// encrypted fetches encrypted recordings and searches them here.
func (s *search) encrypted(ctx context.Context, q url.Values, identities recording.Identities) error {
	for {
		doc, err := s.relay.Recordings(ctx, q)
		if err != nil {
			return err
		}
		for i := range doc.Recordings {
			r := &doc.Recordings[i]
			if !r.Encrypted || len(s.found.Matches) >= s.query.Limit {
				continue
			}
			if err := s.one(ctx, r, identities); err != nil {
				if ctx.Err() != nil {
					return err
				}
				s.found.Failed++
			}
		}
		if doc.More == "" || len(s.found.Matches) >= s.query.Limit {
			return nil
		}
		q.Set("after", doc.More)
	}
}

func (s *search) one(ctx context.Context, r *v1.Recording, identities recording.Identities) error {
	body, err := s.relay.OpenRecording(ctx, r.Session, r.Piece)
	if err != nil {
		return err
	}
	defer body.Close()
	in, err := recording.Decrypt(body, identities)
	if err != nil {
		return err
	}
	reader, err := recording.NewReader(in)
	if err != nil {
		return err
	}
	part := s.query
	part.Limit -= len(s.found.Matches)
	_, err = part.Search(reader, func(m recording.Match) {
		m.Session, m.Piece = r.Session, r.Piece
		s.found.Matches = append(s.found.Matches, v1.RecordingMatch(m))
	})
	return err
}
