// Package elasticsearch delivers logs to Elasticsearch or OpenSearch by the bulk API. Each
// record is created under its own id, so that a repeated delivery adds nothing, in indexes
// as in data streams. The result of each record is read from the answer.
//
// It makes no index, template or data stream: the receiver does.
package elasticsearch
