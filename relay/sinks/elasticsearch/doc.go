// Package elasticsearch delivers logs to Elasticsearch or OpenSearch by the bulk API. Each
// record is created under its own id, so that a repeated delivery adds nothing, in indexes
// as in data streams; what the answer says of each record is told apart.
//
// It makes no index, template or data stream: the receiver does.
package elasticsearch
