// Package verbs says of each request that a node answers over NATS what it requires of who
// asks, as the table of routes does for HTTP. A verb that is not in the table cannot be served.
//
// It checks nothing itself: NATS decides who may send requests to nodes (bus.NodeSubjects), and
// relays decide for whom they ask.
package verbs
