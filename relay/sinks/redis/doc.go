// Package redis delivers logs to a list in Redis, as JSON that Logstash reads: what stands
// behind Redis, often Logstash and Elasticsearch, takes them from there.
//
// It reads nothing back from the list but its length.
package redis
