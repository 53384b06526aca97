package runtime

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// requestHeaders are the header fields that a script may send, beside those that begin with X-.
// Those that steer the connection, name another host or say who asks are not among them.
var requestHeaders = []string{"Accept", "Accept-Language", "Authorization", "If-Modified-Since", "If-None-Match", "User-Agent"}

// maxRequestHeader bounds the header fields of a request, in octets.
const maxRequestHeader = 8 << 10

// errNoHTTP says that a run fetches nothing.
var errNoHTTP = errors.New("no hosts are allowed here")

func init() {
	url := Param{Name: "url", Kind: String, Doc: "`http` or `https`, without user and password"}
	register(Function{
		Name:   "http_get",
		Family: "http",
		Doc: "Fetches a URL with GET and returns a map: `status` is the number of the answer, whatever it is; `url` is what answered; `headers` is a map by names in lower case, several of one name joined by `, `; `body` is text, " +
			"in which octets that are no UTF-8 are U+FFFD. `json_parse(body)` reads JSON. Only hosts that the administrator allows are asked, at public addresses unless others are allowed too. " +
			"Redirects are followed on the same host only; one to another host is an error. Options: `headers` (map of Accept, Accept-Language, Authorization, If-Modified-Since, If-None-Match, User-Agent and what begins with X-), " +
			"`timeout` and `max_size` (octets of the body), which cannot be over the server's own, `redirects` (false: a redirect is the answer), `bytes` (true: the body as octets). " +
			"A body that is larger is an error. That the server cannot be reached or is too slow is a temporary failure, an error that the script's `on-store-error` covers. " +
			"Records keep the URL and the body; of the fields that are sent, only those that hold no secrets. So a key belongs into a field.",
		Params: []Param{url, {Name: "options", Kind: Map, Optional: true, Doc: "any of headers, timeout, max_size, redirects, bytes"}},
		Result: Map, Effect: Network, Asks: asksHTTP, Trust: Admin,
		Examples: []Example{
			{Code: `http_get("https://api.example.net/ip?q=192.0.2.66")`,
				Want: `{"status": 200, "url": "https://api.example.net/ip?q=192.0.2.66", "headers": {"content-type": "application/json"}, "body": "{\"risk\": 7}"}`},
			{Code: `http_get("https://api.example.net/absent", {"headers": {"X-Key": "k"}, "timeout": 1})`,
				Want: `{"status": 404, "url": "https://api.example.net/absent", "headers": {}, "body": "not here"}`},
			{Code: `http_get("https://api.example.net/absent", {"max_size": 3})`, Error: `http_get: the body is over 3 octets`},
			{Code: `http_get("https://tempfail.example.net/")`, Error: `http_get: temporary failure: no answer`},
			{Code: `http_get("https://api.example.net/", {"headers": {"Host": "x"}})`,
				Error: `http_get: option headers: "Host" is not one of Accept, Accept-Language, Authorization, If-Modified-Since, If-None-Match, User-Agent, X-…`},
			{Code: `http_get("https://api.example.net/", {"method": "POST"})`,
				Error: `http_get: unknown option "method"; known are headers, timeout, max_size, redirects, bytes`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			r, raw, err := e.httpOptions(a.Map(1))
			if err != nil {
				return nil, err
			}
			r.URL = a.String(0)
			answer, err := e.fetch(r)
			if err != nil {
				return nil, err
			}
			headers := make(map[string]Value, len(answer.Header))
			for name, values := range answer.Header {
				headers[name] = headerText(values)
			}
			out := map[string]Value{"status": int64(answer.Status), "url": answer.URL, "headers": headers, "body": strings.ToValidUTF8(string(answer.Body), "\ufffd")}
			if raw {
				out["body"] = answer.Body
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "http_header",
		Family: "http",
		Doc: "Fetches a URL with GET, follows no redirect, and returns one header field of the answer, `\"\"` if there is none: " +
			"with `location`, where a short link leads. Hosts, addresses and failures are as in `http_get`.",
		Params: []Param{url, {Name: "name", Kind: String, Doc: "name of the field, in any case"},
			{Name: "user_agent", Kind: String, Optional: true, Doc: "the User-Agent that is sent; left out: the server's"},
			{Name: "timeout", Kind: Int, Optional: true, Doc: "milliseconds, as in Stalwart; at most, and if left out, the server's own"}},
		Result: String, Effect: Network, Asks: asksHTTP, Trust: Admin,
		Examples: []Example{
			{Code: `http_header("https://short.example.net/x", "Location")`, Want: `"https://www.example.org/long"`},
			{Code: `http_header("https://short.example.net/x", "x-absent", "checker/1", 5000)`, Want: `""`},
			{Code: `http_header("https://tempfail.example.net/", "location")`, Error: `http_header: temporary failure: no answer`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			if a.Int(3) < 0 {
				return nil, errors.New("timeout is below 0")
			}
			r := HTTPRequest{URL: a.String(0), Stay: true, Timeout: time.Duration(min(a.Int(3), 1<<31)) * time.Millisecond}
			if ua := a.String(2); ua != "" {
				r.Header = map[string]string{"User-Agent": ua}
				if err := checkRequestHeader(r.Header); err != nil {
					return nil, err
				}
			}
			answer, err := e.fetch(r)
			if err != nil {
				return nil, err
			}
			return headerText(answer.Header[strings.ToLower(a.String(1))]), nil
		},
	})
}

// headerText returns the values of a header field as one valid text.
func headerText(values []string) string {
	return strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
}

func (e *Env) fetch(r HTTPRequest) (HTTPResponse, error) {
	if e.live.HTTP == nil {
		return HTTPResponse{}, errNoHTTP
	}
	most := min(e.View.Limits.Output, e.View.Limits.Memory)
	if r.MaxSize == 0 || r.MaxSize > most {
		r.MaxSize = most
	}
	return e.live.HTTP.Fetch(e.Context, r)
}

// httpOptions reads the options of http_get. raw says that the body is wanted as octets.
func (e *Env) httpOptions(m map[string]Value) (r HTTPRequest, raw bool, err error) {
	kinds := map[string]Kind{"headers": Map, "timeout": Duration, "max_size": Int, "redirects": Bool, "bytes": Bool}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		kind, ok := kinds[name]
		if !ok {
			return r, raw, fmt.Errorf("unknown option %q; known are headers, timeout, max_size, redirects, bytes", cut(name, 40))
		}
		v, err := convert(m[name], kind)
		if err != nil {
			return r, raw, fmt.Errorf("option %s: %w", name, err)
		}
		switch name {
		case "headers":
			r.Header = map[string]string{}
			for field, v := range v.(map[string]Value) {
				s, ok := v.(string)
				if !ok {
					return r, raw, errors.New("option headers: expected texts")
				}
				r.Header[field] = s
			}
			if err := checkRequestHeader(r.Header); err != nil {
				return r, raw, fmt.Errorf("option headers: %w", err)
			}
		case "timeout":
			if r.Timeout = v.(time.Duration); r.Timeout <= 0 {
				return r, raw, errors.New("option timeout: must be over 0")
			}
		case "max_size":
			if r.MaxSize = v.(int64); r.MaxSize <= 0 {
				return r, raw, errors.New("option max_size: must be over 0")
			}
		case "redirects":
			r.Stay = !v.(bool)
		case "bytes":
			raw = v.(bool)
		}
	}
	return r, raw, nil
}

// checkRequestHeader refuses header fields that a script may not send.
func checkRequestHeader(h map[string]string) error {
	size, seen := 0, map[string]bool{}
	for name, value := range h {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if seen[canonical] {
			return fmt.Errorf("%s is there twice", canonical)
		}
		seen[canonical] = true
		if !contains(requestHeaders, canonical) && !isExtension(canonical) {
			return fmt.Errorf("%q is not one of %s, X-…", cut(name, 40), strings.Join(requestHeaders, ", "))
		}
		if strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0 {
			return fmt.Errorf("the value of %s holds a control character", canonical)
		}
		size += len(name) + len(value)
	}
	if size > maxRequestHeader {
		return fmt.Errorf("%d octets are over %d", size, maxRequestHeader)
	}
	return nil
}

// steering are the beginnings of fields, behind X-, by which proxies tell who asks, and that change the
// method, the host or the path of a request.
var steering = []string{"Forwarded", "Real-Ip", "Client-Ip", "Cluster-Client-Ip", "Originating-Ip", "Remote-", "True-Client-Ip",
	"Http-Method", "Method-Override", "Host", "Http-Host-Override", "Original-", "Rewrite-"}

// isExtension says whether a field begins with X-, and is none of those that steer.
func isExtension(name string) bool {
	rest, ok := strings.CutPrefix(name, "X-")
	return ok && rest != "" && !slices.ContainsFunc(steering, func(s string) bool { return strings.HasPrefix(rest, s) }) &&
		strings.Trim(strings.ToLower(rest), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
