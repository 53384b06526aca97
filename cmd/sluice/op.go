package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// controlVersion is the version of the control protocol: the first part of every path. Server and
// command of different versions refuse each other in words.
const controlVersion = "1"

// maxControlBody bounds a request and an answer on the control socket, in octets.
const maxControlBody = 256 << 20

// op is an act on a node's data. It runs in the server when one runs, and else in the command with the data
// directory locked.
type op[In, Out any] struct {
	name string
	// makes says that the op may be the first to touch a data directory. The others do not
	// make one where a path was mistyped.
	makes bool
	run   func(ctx context.Context, n *node, in In) (Out, error)
}

// handler is an op without its types, as the control socket needs it.
type handler func(ctx context.Context, n *node, in json.RawMessage) (any, error)

var handlers = map[string]handler{}

// newOp makes an op and registers it for the control socket.
func newOp[In, Out any](name string, run func(context.Context, *node, In) (Out, error)) *op[In, Out] {
	handlers[name] = func(ctx context.Context, n *node, raw json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("control: %s: %w", name, err)
		}
		return run(ctx, n, in)
	}
	return &op[In, Out]{name: name, run: run}
}

// first marks an op that may make the data directory.
func (o *op[In, Out]) first() *op[In, Out] {
	o.makes = true
	return o
}

// call does the op where the data is.
func (o *op[In, Out]) call(ctx context.Context, c *Config, in In) (Out, error) {
	var out Out
	conn, err := dialControl(ctx, c.Server.Control)
	if err == nil {
		err = callControl(ctx, conn, o.name, in, &out)
		return out, err
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return out, fmt.Errorf("control socket %s: %w", c.Server.Control, err)
	}
	if err := dataThere(c); err != nil && !o.makes {
		return out, err
	}
	n, err := openNode(ctx, c, nodeOptions{logger: quietLogger()})
	if err != nil {
		return out, err
	}
	out, err = o.run(ctx, n, in)
	return out, errors.Join(err, n.close(ctx))
}

// dataThere fails if there is no data directory, and names its whole path: the command may have been
// started in another directory than the server.
func dataThere(c *Config) error {
	path := c.Database.DBPath
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no server, and no data directory: %w", err)
	}
	return nil
}

func dialControl(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", path)
}

// controlError is an op's failure as it crosses the socket.
type controlError struct {
	Error string `json:"error"`
}

func callControl(ctx context.Context, conn net.Conn, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/v"+controlVersion+"/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxControlBody))
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var ce controlError
		if json.Unmarshal(text, &ce) != nil || ce.Error == "" {
			return fmt.Errorf("control socket: the server answered %s", res.Status)
		}
		return errors.New(ce.Error)
	}
	return json.Unmarshal(text, out)
}
