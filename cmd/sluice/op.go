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
const controlVersion = "2"

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
	if n, ok := ctx.Value(nodeKey{}).(*node); ok {
		return o.run(ctx, n, in)
	}
	conn, err := reach(ctx, c)
	if err != nil {
		return out, err
	}
	if conn != nil {
		err = callControl(ctx, conn, o.name, in, &out)
		return out, err
	}
	err = withNode(ctx, c, o.makes, func(ctx context.Context) error {
		out, err = o.run(ctx, ctx.Value(nodeKey{}).(*node), in)
		return err
	})
	return out, err
}

type nodeKey struct{}    // the opened node, for ops
type offlineKey struct{} // that no server is to be asked

// reach connects to the server; nil says that there is none, or that it is not to be asked.
func reach(ctx context.Context, c *Config) (net.Conn, error) {
	if ctx.Value(offlineKey{}) != nil {
		return nil, nil
	}
	conn, err := dialControl(ctx, c.Server.Control)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", c.Server.Control, err)
	}
	return conn, nil
}

// withNode runs fn with the data opened by this command, whose locks keep a server out meanwhile.
func withNode(ctx context.Context, c *Config, makes bool, fn func(ctx context.Context) error) error {
	if err := dataThere(c); err != nil && !makes {
		return err
	}
	n, err := openNode(ctx, c, nodeOptions{logger: quietLogger()})
	if err != nil {
		return err
	}
	return errors.Join(fn(context.WithValue(ctx, nodeKey{}, n)), n.close(ctx))
}

// session runs fn, whose ops are many, so that without a server the data is opened only once.
func session(ctx context.Context, c *Config, makes bool, fn func(ctx context.Context) error) error {
	conn, err := reach(ctx, c)
	if err != nil {
		return err
	}
	if conn == nil {
		return withNode(ctx, c, makes, fn)
	}
	conn.Close()
	return fn(ctx)
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
