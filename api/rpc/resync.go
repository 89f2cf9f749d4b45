package rpc

import "github.com/nats-io/nats.go"

// resyncAfterReconnects lets both ends of all streams compare what they sent and got, each
// time that the connection was lost and is there again: what was lost with it shows at
// once. It ends when the returned listener is removed from the connection.
func resyncAfterReconnects(conn *nats.Conn, streams func() []*Stream) chan nats.Status {
	connected := conn.StatusChanged(nats.CONNECTED)
	go func() {
		for range connected {
			for _, s := range streams() {
				s.resync()
			}
		}
	}()
	return connected
}
