// Package client is the client's end of a session, over connections of any kind: it hands each
// byte of output on once, in order, gives credits as the output is taken, keeps input until it has
// arrived, and goes on over another connection when one is lost.
//
// It opens no connection itself, and knows nothing of terminals.
package client
