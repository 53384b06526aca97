package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Redis is a private redis-server (or valkey-server). Close ends it and removes its files.
type Redis struct {
	*Process
	// URL is where it answers, as kv/redis reads it.
	URL string

	network, address string
	program, dir     string
	args             []string
	remove           func()
}

// StartRedis starts a server on a unix socket. More settings may be given as for its command line, such as
// "--appendonly", "yes".
func StartRedis(ctx context.Context, args ...string) (*Redis, error) {
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "redis.sock")
	r := &Redis{URL: "unix://" + socket, network: "unix", address: socket, dir: dir, remove: remove}
	r.args = append([]string{"--port", "0", "--unixsocket", socket}, args...)
	return r, r.first(ctx)
}

// startRedisPort starts a server on a loopback port.
func startRedisPort(ctx context.Context, args ...string) (*Redis, error) {
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		remove()
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	r := &Redis{URL: "redis://" + address, network: "tcp", address: address, dir: dir, remove: remove}
	r.args = append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1"}, args...)
	return r, r.first(ctx)
}

// first finds the program and starts it; the files go if that fails.
func (r *Redis) first(ctx context.Context) error {
	var err error
	if r.program, err = Find("redis-server"); err != nil {
		r.program, err = Find("valkey-server")
	}
	if err == nil {
		err = r.Start(ctx)
	}
	if err != nil {
		r.remove()
	}
	return err
}

// Start starts the server again in its old place, after Stop or Kill.
func (r *Redis) Start(ctx context.Context) error {
	args := append([]string{"--dir", r.dir, "--save", "", "--daemonize", "no", "--protected-mode", "no"}, r.args...)
	p, err := start(ctx, exec.Command(r.program, args...), func(ctx context.Context) error {
		reply, err := r.Do(ctx, "PING")
		if err == nil && reply != "PONG" && !strings.HasPrefix(reply, "NOAUTH") {
			err = errors.New(reply)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Process = p
	return nil
}

// Close ends the server and removes its files.
func (r *Redis) Close() {
	if r.Process != nil {
		r.Kill()
	}
	r.remove()
}

// Port returns the loopback port, or "" of a server on a socket.
func (r *Redis) Port() string {
	if r.network == "unix" {
		return ""
	}
	return r.address[strings.LastIndexByte(r.address, ':')+1:]
}

// Do sends one command over a connection of its own and returns the reply as text: an error's words, too, and
// an array's elements one a line.
func (r *Redis) Do(ctx context.Context, args ...string) (string, error) {
	c, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, r.network, r.address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write(b); err != nil {
		return "", err
	}
	return readReply(bufio.NewReader(c))
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("peers: redis: empty reply")
	}
	switch line[0] {
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		return string(b[:n]), nil
	case '*':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			return "", err
		}
		var all []string
		for range n {
			s, err := readReply(r)
			if err != nil {
				return "", err
			}
			all = append(all, s)
		}
		return strings.Join(all, "\n"), nil
	}
	return line[1:], nil
}

// wait asks again until the reply is as wanted.
func (r *Redis) wait(ctx context.Context, ok func(reply string) bool, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		reply, err := r.Do(ctx, args...)
		if err == nil && ok(reply) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("peers: redis: %s: last answer %q, %w", args[0], reply, errors.Join(err, ctx.Err()))
		}
	}
}

func has(s string) func(string) bool {
	return func(reply string) bool { return strings.Contains(reply, s) }
}

// RedisCluster is a private cluster of 3 masters, each with a replica, on loopback ports.
type RedisCluster struct {
	Nodes []*Redis // 3 masters, and then the replica of each
}

// StartRedisCluster starts the nodes and makes them one. A node that fails is replaced within about 2 seconds.
func StartRedisCluster(ctx context.Context) (c *RedisCluster, err error) {
	c = new(RedisCluster)
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	var bus []string
	for range 6 {
		port, err := FreePort()
		if err != nil {
			return c, err
		}
		n, err := startRedisPort(ctx, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(port), "--cluster-node-timeout", "1000",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0")
		if err != nil {
			return c, err
		}
		c.Nodes = append(c.Nodes, n)
		bus = append(bus, strconv.Itoa(port))
	}
	return c, c.join(ctx, bus)
}

// join deals out the slots and the roles, and waits until every node agrees.
func (c *RedisCluster) join(ctx context.Context, bus []string) error {
	ids := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		if i < 3 {
			if err := n.wait(ctx, has("OK"), "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*16384/3), strconv.Itoa((i+1)*16384/3-1)); err != nil {
				return err
			}
		}
		if err := n.wait(ctx, has("OK"), "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if err := n.wait(ctx, has("OK"), "CLUSTER", "MEET", "127.0.0.1", c.Nodes[0].Port(), bus[0]); err != nil {
			return err
		}
		var err error
		if ids[i], err = n.Do(ctx, "CLUSTER", "MYID"); err != nil {
			return fmt.Errorf("peers: redis: %w", err)
		}
	}
	for i, n := range c.Nodes {
		if err := n.wait(ctx, has("cluster_known_nodes:6"), "CLUSTER", "INFO"); err != nil {
			return err
		}
		if i < 3 {
			continue
		}
		if err := n.wait(ctx, has("OK"), "CLUSTER", "REPLICATE", ids[i-3]); err != nil {
			return err
		}
	}
	for i, n := range c.Nodes {
		if err := n.wait(ctx, has("cluster_state:ok"), "CLUSTER", "INFO"); err != nil {
			return err
		}
		if err := n.wait(ctx, func(s string) bool { return strings.Count(s, "slave") >= 3 }, "CLUSTER", "NODES"); err != nil {
			return err
		}
		if i >= 3 {
			if err := n.wait(ctx, has("master_link_status:up"), "INFO", "replication"); err != nil {
				return err
			}
		}
	}
	return nil
}

// URLs returns where the nodes answer.
func (c *RedisCluster) URLs() []string {
	var all []string
	for _, n := range c.Nodes {
		all = append(all, n.URL)
	}
	return all
}

// Close ends all nodes.
func (c *RedisCluster) Close() {
	for _, n := range c.Nodes {
		n.Close()
	}
}

// RedisSentinel is a master, its replica, and a sentinel that puts the one in the other's place.
type RedisSentinel struct {
	Master, Replica, Sentinel *Redis
	Name                      string // of the master, for the sentinel
}

// StartRedisSentinel starts them. A master that fails is replaced within about 2 seconds.
func StartRedisSentinel(ctx context.Context) (s *RedisSentinel, err error) {
	s = &RedisSentinel{Name: "sluice"}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.Master, err = startRedisPort(ctx, "--repl-diskless-sync-delay", "0"); err != nil {
		return s, err
	}
	if s.Replica, err = startRedisPort(ctx, "--replicaof", "127.0.0.1 "+s.Master.Port()); err != nil {
		return s, err
	}
	if err := s.Replica.wait(ctx, has("master_link_status:up"), "INFO", "replication"); err != nil {
		return s, err
	}
	if s.Sentinel, err = startSentinel(ctx, s.Name, s.Master.Port()); err != nil {
		return s, err
	}
	return s, s.Sentinel.wait(ctx, has("num-slaves\n1"), "SENTINEL", "MASTER", s.Name)
}

// startSentinel starts a sentinel that is enough to agree with itself.
func startSentinel(ctx context.Context, name, port string) (*Redis, error) {
	dir, remove, err := Dir()
	if err != nil {
		return nil, err
	}
	own, err := FreePort()
	if err != nil {
		remove()
		return nil, err
	}
	conf := filepath.Join(dir, "sentinel.conf") // the sentinel writes to it
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 3000\n",
		own, name, port, name, name)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		remove()
		return nil, fmt.Errorf("peers: %w", err)
	}
	address := "127.0.0.1:" + strconv.Itoa(own)
	r := &Redis{URL: "redis://" + address, network: "tcp", address: address, dir: dir, remove: remove}
	if r.program, err = Find("redis-server"); err != nil {
		r.program, err = Find("valkey-server")
	}
	if err == nil {
		r.Process, err = start(ctx, exec.Command(r.program, conf, "--sentinel", "--dir", dir), func(ctx context.Context) error {
			_, err := r.Do(ctx, "PING")
			return err
		})
	}
	if err != nil {
		remove()
		return nil, err
	}
	return r, nil
}

// Close ends all three.
func (s *RedisSentinel) Close() {
	for _, r := range []*Redis{s.Sentinel, s.Replica, s.Master} {
		if r != nil {
			r.Close()
		}
	}
}
