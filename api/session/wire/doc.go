// Package wire is how a session crosses a connection: messages in a row, the same ones from
// the process that keeps the session to the client, through collector and relay, which pass
// them on unchanged. FORMAT.md describes the bytes and who sends what when.
//
// Bytes of a stream have offsets, so that a client that lost its connection goes on with no
// byte lost or repeated; credits go end to end, so that a client that reads slowly stops the
// program and nothing else. It allocates nothing per message, and opens no connection itself.
package wire
