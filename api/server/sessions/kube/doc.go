// Package kube serves sessions to clients of Kubernetes: it speaks v5.channel.k8s.io and
// v4.channel.k8s.io over a WebSocket, as the API server does for exec, and package wire to the node.
//
// Its clients give no credits and resume nothing: what is not read from the WebSocket is not taken
// from the node, and a connection that is lost ends the session soon.
package kube
