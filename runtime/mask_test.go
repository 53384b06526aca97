package runtime

import (
	"bytes"
	"strings"
	"testing"
)

func TestRecordsHoldNoSecretsOfRequests(t *testing.T) {
	answer := HTTPResponse{Status: 200, URL: "https://x/", Header: map[string][]string{"set-cookie": {"s=hidden"}, "etag": {"shown"}}}
	const get = `http_get("https://x/", {"timeout": 1, "headers": {"AUTHORIZATION": "Bearer hidden", "x-api-key": "hidden", "X-Key": "hidden", "Accept": "shown"}})`
	fetcher := &asked{answer: answer}
	p := compileTiny(t, get)
	r := testEngine.Run(t.Context(), p, ExampleTransaction(), RunOptions{Trust: Admin, Host: &Live{HTTP: fetcher}, Namespace: "admin", Record: RecordFull})
	if r.Err != nil || fetcher.Header["AUTHORIZATION"] != "Bearer hidden" {
		t.Fatalf("the request has %v, %v", fetcher.Header, r.Err)
	}
	// What the server gave back is the run's, and is not shown.
	r.Record.Value = nil
	var b strings.Builder
	if err := r.Record.Explain(&b, p.Sites()); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "hidden") || strings.Count(s, "shown") != 2 {
		t.Errorf("people are shown\n%s", s)
	}
	r.Record.Calls[0].Result = nil
	kept, err := MarshalRecord(r.Record)
	if err != nil || bytes.Contains(kept, []byte("hidden")) {
		t.Errorf("the record keeps secrets, %v", err)
	}
}

func TestARunWithSecretsIsReplayed(t *testing.T) {
	const get = `http_get("https://x/", {"headers": {"Authorization": "A", "Accept": "B"}})`
	p := compileTiny(t, get)
	first := testEngine.Run(t.Context(), p, ExampleTransaction(), RunOptions{Trust: Admin, Host: &Live{HTTP: new(asked)}, Namespace: "admin", Record: RecordCalls})
	again, err := testEngine.Replay(t.Context(), p, first.Record, RunOptions{})
	if err != nil || again.Err != nil || !Equal(first.Value, again.Value) {
		t.Fatal(err, again.Err)
	}
	again, err = testEngine.Replay(t.Context(), compileTiny(t, strings.Replace(get, `"B"`, `"C"`, 1)), first.Record, RunOptions{})
	if err != nil || again.Err == nil || strings.Contains(again.Err.Error(), `"A"`) || !strings.Contains(again.Err.Error(), masked) {
		t.Errorf("another request: %v, %v", err, again.Err)
	}
}

func TestArgumentsOfOthersAreKept(t *testing.T) {
	args := []Value{"", "k", map[string]Value{"headers": map[string]Value{"authorization": "A"}}}
	if got := maskArgs(Lookup("key_set"), args); !Equal(got, args) {
		t.Error(got)
	}
}
