// Package shell is the tool that debugs a container with nothing in it: a shell, and the usual
// small programs (applets).
//
// It finds its programs by itself: their names come first, before the directories of PATH, and
// there is no path to them. So nothing is mounted in the container, no process of the container
// can see or change them, and none of the container's files can take the place of one.
package shell
