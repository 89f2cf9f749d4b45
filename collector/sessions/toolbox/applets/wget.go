package applets

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
)

func init() { add("wget", wget) }

// wget gets what is at a URL.
func wget(args []string) int {
	fs := flags("wget", "[-qS] [-O FILE] [-T SECONDS] [--header 'NAME: VALUE'] [--post-data TEXT] URL")
	quiet := fs.BoolP("quiet", "q", false, "say nothing")
	show := fs.BoolP("server-response", "S", false, "print the header of the answer")
	file := fs.StringP("output-document", "O", "", "write to this `FILE`, - is standard output; default: the URL's end")
	timeout := fs.IntP("timeout", "T", 60, "seconds that it may take")
	headers := fs.StringArray("header", nil, "send a header")
	post := fs.String("post-data", "", "send this by POST")
	insecure := fs.Bool("no-check-certificate", false, "take any certificate, as where no authorities are known")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if fs.NArg() != 1 {
		fs.Usage()
		return 2
	}
	url := fs.Arg(0)
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	method, body := http.MethodGet, io.Reader(nil)
	if fs.Changed("post-data") {
		method, body = http.MethodPost, strings.NewReader(*post)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return complain("wget", err)
	}
	for _, h := range *headers {
		name, value, _ := strings.Cut(h, ":")
		if strings.EqualFold(name, "Host") {
			req.Host = strings.TrimSpace(value)
		}
		req.Header.Set(name, strings.TrimSpace(value))
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: *insecure}
	answer, err := (&http.Client{Transport: t, Timeout: time.Duration(*timeout) * time.Second}).Do(req)
	if err != nil {
		return complain("wget", err)
	}
	defer answer.Body.Close()
	if *show {
		fmt.Fprintln(os.Stderr, answer.Proto, Printable(answer.Status))
		for name, values := range answer.Header {
			fmt.Fprintf(os.Stderr, "%s: %s\n", Printable(name), Printable(strings.Join(values, ", ")))
		}
	}
	if answer.StatusCode >= 400 {
		return complain("wget", fmt.Errorf("the server answers: %s", Printable(answer.Status)))
	}
	to := os.Stdout
	if *file != "-" {
		if *file == "" {
			if *file = path.Base(req.URL.Path); *file == "/" || *file == "." {
				*file = "index.html"
			}
		}
		if to, err = os.Create(*file); err != nil {
			return complain("wget", err)
		}
	}
	n, err := io.Copy(to, answer.Body)
	if e := to.Close(); err == nil {
		err = e
	}
	if err != nil {
		return complain("wget", err)
	}
	if !*quiet && *file != "-" {
		fmt.Fprintf(os.Stderr, "%s: %d bytes\n", Printable(*file), n)
	}
	return 0
}
