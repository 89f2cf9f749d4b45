package logrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
)

// maxList bounds a list of a node, in bytes.
const maxList = 16 << 20

// Node is the logs of a node, at a relay. Its errors wrap query.ErrNodeAway while the
// node is not connected. It is safe for concurrent use.
type Node struct {
	client *rpc.Client
	agent  string
}

var (
	_ query.Logs        = (*Node)(nil)
	_ query.LogResolver = (*Node)(nil)
)

// NewNode returns the logs of a node, which it asks through a client.
func NewNode(client *rpc.Client, agent string) *Node { return &Node{client, agent} }

// Entries implements query.Logs. It returns once the node has accepted the query.
func (n *Node) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	b, err := encodeRequest(request{}, q)
	if err != nil {
		return nil, err
	}
	// The stream ends by Close: its context is not the one of this call.
	s, err := n.client.Open(context.WithoutCancel(ctx), n.agent, verbEntries, b)
	if err != nil {
		return nil, decodeError(err)
	}
	r := &reader{stream: s, follow: q.Follow}
	if err := r.accepted(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Fields implements query.Logs.
func (n *Node) Fields(ctx context.Context, q *query.LogQuery) (names []string, err error) {
	err = n.list(ctx, request{List: listFields}, q, &names)
	return names, err
}

// Values implements query.Logs.
func (n *Node) Values(ctx context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	var values [][]byte
	err := n.list(ctx, request{List: listValues, Field: field, Limit: limit}, q, &values)
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return out, err
}

// Histogram implements query.Logs.
func (n *Node) Histogram(ctx context.Context, q *query.LogQuery, step int64) (b []query.LogBucket, err error) {
	err = n.list(ctx, request{List: listHistogram, Step: step}, q, &b)
	return b, err
}

// Boots implements query.Logs.
func (n *Node) Boots(ctx context.Context, q *query.LogQuery) (boots []query.LogBoot, err error) {
	err = n.list(ctx, request{List: listBoots}, q, &boots)
	return boots, err
}

// Sources implements query.LogResolver. A node that cannot tell is errors.ErrUnsupported.
func (n *Node) Sources(ctx context.Context, q *query.LogQuery) (sources []query.LogSource, err error) {
	err = n.list(ctx, request{List: listSources}, q, &sources)
	return sources, err
}

func (n *Node) list(ctx context.Context, r request, q *query.LogQuery, answer any) error {
	b, err := encodeRequest(r, q)
	if err != nil {
		return err
	}
	if b, err = n.client.Call(ctx, n.agent, verbList, b, maxList); err != nil {
		return decodeError(err)
	}
	if !bytes.HasPrefix(b, []byte("{")) {
		if err := json.Unmarshal(b, answer); err != nil {
			return fmt.Errorf("the node's answer: %w", err)
		}
		return nil
	}
	part := unfinished{List: answer}
	if err := json.Unmarshal(b, &part); err != nil {
		return fmt.Errorf("the node's answer: %w", err)
	}
	return &query.PartialError{Unfinished: []string{n.agent}}
}
