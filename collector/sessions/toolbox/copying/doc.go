// Package copying has the tools that copy files out of a container and into it. They run inside of
// the container with the rights of its first process, and need nothing of its image.
package copying
