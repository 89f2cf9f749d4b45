// Package applets has the small programs of the toolbox: what somebody who looks into a
// container expects to be there, and a container with one program in it has not got. They work
// on the container's files, its /proc and its network, and need nothing else of it.
//
// Those that copy, find and pack files are u-root's.
package applets
