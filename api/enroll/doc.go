// Package enroll is what the command line does with a directory of a cluster's keys: it makes
// them, the files of machines, codes and credentials of nodes, and revokes those.
//
// It asks no relay. A relay that has the keys does the same by itself.
package enroll
