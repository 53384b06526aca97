package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Read runs fn on a pooled read connection inside one snapshot: every query of fn sees
// the same moment. fn runs in the caller's goroutine. When ctx ends, loops over rows
// stop with its error.
func (db *DB) Read(ctx context.Context, fn func(*Conn) error) error {
	return db.ReadOnce(ctx, func(c *Conn) error {
		if err := c.run("BEGIN"); err != nil {
			return wrap("begin", c.path, err)
		}
		begun := true
		defer func() { // also when fn panics
			if begun {
				c.settle()
				_ = c.run("ROLLBACK")
			}
		}()
		err := fn(c)
		c.settle()
		begun = false
		if end := c.run("COMMIT"); end != nil {
			err = errors.Join(err, wrap("end read", c.path, end))
			_ = c.run("ROLLBACK")
		}
		return err
	})
}

// ReadOnce is Read without the snapshot: each query of fn sees the newest commit. It is
// for one query, which is a snapshot by itself.
func (db *DB) ReadOnce(ctx context.Context, fn func(*Conn) error) error {
	c, err := db.readers.take(ctx)
	if err != nil {
		return err
	}
	c.ctx = ctx
	defer func() {
		c.settle()
		db.readers.give(c)
	}()
	return fn(c)
}

// pool holds read connections; slots bounds how many are in use.
type pool struct {
	path  string
	cache int // Options.Cache
	slots chan struct{}

	mu     sync.Mutex
	idle   []*Conn
	closed bool
}

func (p *pool) take(ctx context.Context) (*Conn, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("sqlite: read: %w", ctx.Err())
		}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := connect(p.path, false, p.cache)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) give(c *Conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

// close waits for connections in use and closes all.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	var err error
	for _, c := range p.idle {
		err = errors.Join(err, c.close())
	}
	p.idle = nil
	for range cap(p.slots) {
		<-p.slots
	}
	return err
}
