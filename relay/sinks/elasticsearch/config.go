package elasticsearch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for Elasticsearch or OpenSearch.
type Config struct {
	URLs     sink.StringList `yaml:"urls"`  // of nodes; the next one is used when one fails
	Index    string          `yaml:"index"` // or data stream, with the record's %Y, %m, %d; default logs-daytwo-default
	Pipeline string          `yaml:"pipeline"`
	User     string          `yaml:"user"`
	Password sink.File       `yaml:"password_file"`
	APIKey   sink.File       `yaml:"api_key_file"` // the encoded form: base64 of id:key
	TLS      *sink.TLS       `yaml:"tls"`
	NoGzip   bool            `yaml:"no_gzip"` // send requests uncompressed
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if len(c.URLs) == 0 {
		return errors.New("elasticsearch: urls: give the URL of a node, such as https://es1:9200")
	}
	for _, u := range c.URLs {
		if err := sink.CheckURL("elasticsearch: urls", u, c.TLS); err != nil {
			return err
		}
	}
	if c.Index == "" {
		c.Index = "logs-daytwo-default"
	}
	name := string(appendIndex(nil, c.Index, time.Unix(0, 0)))
	if name != strings.ToLower(name) || strings.ContainsAny(name, `\/*?"<>| ,#:%`) ||
		strings.Trim(name[:1], "-_+.") == "" ||
		len(name) > 255 {
		return fmt.Errorf("elasticsearch: index: %q is not a name that Elasticsearch takes: use lower-case letters, "+
			"digits, '-', '_', '.', and %%Y, %%m, %%d", c.Index)
	}
	if c.APIKey != "" && c.User != "" {
		return errors.New("elasticsearch: give api_key_file, or user and password_file, not both")
	}
	return errors.Join(c.Password.Check("elasticsearch: password_file"), c.APIKey.Check("elasticsearch: api_key_file"))
}

// Limits implements sinks.Type.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 2000, Bytes: 5 << 20, Record: 50 << 20, Wait: time.Second}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return strings.Join(c.URLs, ",") + " " + c.Index }

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	client, err := sink.NewHTTPClient(c.TLS)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	return &bulk{cfg: c, client: client}, nil
}

// header returns the headers of a request, with the credentials as they are now.
func (c *Config) header() (http.Header, error) {
	h := http.Header{"Content-Type": {"application/x-ndjson"}, "Accept": {"application/json"}}
	key, err := c.APIKey.Read()
	if err != nil {
		return nil, fmt.Errorf("api_key_file: %w", err)
	}
	if key != "" {
		h.Set("Authorization", "ApiKey "+key)
	}
	if c.User != "" {
		password, err := c.Password.Read()
		if err != nil {
			return nil, fmt.Errorf("password_file: %w", err)
		}
		r := http.Request{Header: h}
		r.SetBasicAuth(c.User, password)
	}
	return h, nil
}

// appendIndex appends the name of the index for a time.
func appendIndex(dst []byte, index string, t time.Time) []byte {
	for {
		i := strings.IndexByte(index, '%')
		if i < 0 || i+1 == len(index) {
			return append(dst, index...)
		}
		dst = append(dst, index[:i]...)
		switch index[i+1] {
		case 'Y':
			dst = t.AppendFormat(dst, "2006")
		case 'm':
			dst = t.AppendFormat(dst, "01")
		case 'd':
			dst = t.AppendFormat(dst, "02")
		default:
			dst = append(dst, index[i:i+2]...)
		}
		index = index[i+2:]
	}
}
