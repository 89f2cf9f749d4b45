// Package launch is the API through which a program that launches containers gets a
// StatsD endpoint for each from the node's collector: HTTP over a unix socket, with the
// routes and documents of the DC/OS metrics isolator.
//
// It holds the documents, a client and the socket. The collector implements the routes.
package launch
