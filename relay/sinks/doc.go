// Package sinks delivers shipped logs to the receivers that a configuration file names:
// each sink has a durable consumer of the stream and so a position of its own, and a
// message is acknowledged only once the receiver has its records. It reloads the file
// while it runs, keeps dead letters, and pauses, resumes, resets and tests sinks.
//
// Protocols are the business of the packages below it; it holds no connection to a receiver.
package sinks
