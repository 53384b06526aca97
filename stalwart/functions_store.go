package stalwart

import (
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// keyGet returns a value with its type in Sieve, and as text elsewhere.
func keyGet(s *state, args []runtime.Value) (runtime.Value, error) {
	v, err := s.invoke("key_get", args...)
	if err != nil || s.sieve {
		return v, err
	}
	if _, ok := v.([]runtime.Value); ok {
		return v, nil
	}
	return s.text(v)
}

// keyExists says whether one of several keys is there; empty ones are none.
func keyExists(s *state, args []runtime.Value) (runtime.Value, error) {
	keys, ok := args[1].([]runtime.Value)
	if !ok {
		keys = []runtime.Value{args[1]}
	}
	for _, k := range keys {
		key, err := s.text(k)
		if err != nil {
			return nil, err
		}
		if key == "" {
			continue
		}
		v, err := s.invoke("key_exists", args[0], key)
		if err != nil || Truth(v) {
			return v, err
		}
	}
	return int64(0), nil
}

// keySet stores a value with its type in Sieve, and as text elsewhere. A lifetime is seconds,
// or text such as 1h; without one, or with "", 0 or less, the value stays.
func keySet(s *state, args []runtime.Value) (runtime.Value, error) {
	call := []runtime.Value{args[0], args[1], args[2]}
	if !s.sieve {
		text, err := s.text(args[2])
		if err != nil {
			return nil, err
		}
		call[2] = text
	}
	if len(args) == 4 {
		switch ttl := args[3].(type) {
		case int64:
			if ttl > 0 {
				call = append(call, ttl)
			}
		case float64:
			if n := toInt(ttl); n > 0 {
				call = append(call, n)
			}
		case string:
			if n, ok := textNumber(ttl).(int64); ok && n > 0 {
				call = append(call, n)
			} else if ttl != "" && strings.Trim(ttl, "0") != "" {
				call = append(call, ttl)
			}
		default:
			return nil, fmt.Errorf("key_set: a lifetime is seconds, or text such as \"1h\"")
		}
	}
	if _, err := s.invoke("key_set", call...); err != nil {
		return nil, err
	}
	return int64(1), nil
}

// counterIncr adds to a counter; what is no whole number counts as 0.
func counterIncr(s *state, args []runtime.Value) (runtime.Value, error) {
	by, ok := args[2].(int64)
	if t, isText := args[2].(string); isText {
		by, ok = textNumber(t).(int64)
	}
	if !ok {
		by = 0
	}
	return s.invoke("counter_incr", args[0], args[1], by)
}

// sqlQuery returns "" for no row, the value of a single column, an array for a row, an array
// of arrays for several. What is no query gives the rows that it changed, in Sieve whether it
// was done.
func sqlQuery(s *state, args []runtime.Value) (runtime.Value, error) {
	v, err := s.invoke("sql_table", args[0], args[1], asList(args[2]))
	if err != nil {
		return nil, err
	}
	result, _ := v.(map[string]runtime.Value)
	if changed, ok := result["changed"].(int64); ok {
		if s.sieve {
			return int64(1), nil
		}
		return changed, nil
	}
	rows, _ := result["rows"].([]runtime.Value)
	if len(rows) == 0 {
		return "", nil
	}
	if len(rows) > 1 {
		return s.receive(rows)
	}
	if row, ok := rows[0].([]runtime.Value); ok && len(row) == 1 {
		return s.receive(row[0])
	}
	return s.receive(rows[0])
}

// dnsTypes are the types of queries, in the table's words.
var dnsTypes = map[string]string{"ip": "ip", "ipv4": "a", "ipv6": "aaaa", "mx": "mx", "txt": "txt", "ptr": "ptr"}

// dnsLookup returns the status of a query and its records; "" for a type that is not known.
func dnsLookup(s *state, args []runtime.Value) (status string, records []runtime.Value, err error) {
	typ, ok := dnsTypes[args[1].(string)]
	if !ok {
		return "", nil, nil
	}
	v, err := s.invoke("dns_lookup", args[0], typ)
	if err != nil {
		return "", nil, err
	}
	m, _ := v.(map[string]runtime.Value)
	status, _ = m["status"].(string)
	records, _ = m["records"].([]runtime.Value)
	return status, records, nil
}

// dnsQuery returns what a name has of a type. In Sieve a failure is text that names it; an
// expression ends with the error of it.
func dnsQuery(s *state, args []runtime.Value) (runtime.Value, error) {
	status, records, err := dnsLookup(s, args)
	if err != nil || status == "" {
		return "", err
	}
	if status != "ok" {
		switch {
		case s.sieve && status == "tempfail":
			return "temp_fail", nil
		case s.sieve:
			return "not_found", nil
		case status == "tempfail":
			return nil, fmt.Errorf("dns_query: %w: %s", runtime.ErrTemporary, args[0])
		}
		return []runtime.Value{}, nil
	}
	out := make([]runtime.Value, 0, len(records))
	for _, r := range records {
		if m, ok := r.(map[string]runtime.Value); ok {
			host, _ := m["host"].(string)
			if r = host; s.sieve {
				r = fmt.Sprintf("%s %s", scalarText(m["preference"]), host)
			}
		}
		out = append(out, r)
	}
	if args[1] == "txt" {
		text, err := s.text(out)
		return strings.ReplaceAll(text, lineEnd, ""), err
	}
	return out, nil
}

// dnsExists returns 1 or 0, and -1 for a temporary failure.
func dnsExists(s *state, args []runtime.Value) (runtime.Value, error) {
	status, _, err := dnsLookup(s, args)
	switch {
	case err != nil && !temporary(err):
		return nil, err
	case err != nil, status == "tempfail":
		return int64(-1), nil
	}
	return boolean(status == "ok"), nil
}

// system returns what is known of this server.
func system(s *state, args []runtime.Value) (runtime.Value, error) {
	v, err := s.invoke("hostname")
	if err != nil {
		return nil, err
	}
	host, _ := v.(string)
	switch args[0] {
	case "hostname", "node_hostname":
		return host, nil
	case "domain":
		_, domain, _ := strings.Cut(host, ".")
		return domain, nil
	}
	return "", nil
}
