// Package credentials makes what a cluster needs so that NATS knows who connects, with NATS'
// own means: an operator, an account for daytwo, a system account, and a user for each relay
// and node (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt),
// and certificates of an authority of its own.
//
// All keys are in one directory, which stays with those who run the cluster. A NATS server
// needs only what is public of it; a node has the seed of its own user and nothing else.
package credentials
