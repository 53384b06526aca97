package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/gateway/lmtp"
	"github.com/sluice-mail/sluice/imapbridge"
)

// shutdownGrace is how long sessions may go on with what they do after SIGTERM.
const shutdownGrace = 30 * time.Second

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		return &cobra.Command{
			Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
			Long: "Runs the server until SIGTERM or Ctrl-C. Without a configuration it works on embedded\nSQLite below ./data and listens on loopback only. SIGHUP reads configuration, scripts and\ncertificates again: all of it is taken, or none.",
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, _, err := g.load()
				if err != nil {
					return err
				}
				return serve(cmd.Context(), g, c, newLogger(c))
			},
		}
	})
}

// daemon is the running server over a node: its listeners and background work.
type daemon struct {
	node  *node
	flags *globals
	log   *slog.Logger
	tls   atomic.Pointer[tls.Config]
	imap  *imapbridge.Server
	lmtp  *lmtp.Server
	http  *http.Server
	ready atomic.Bool

	reloading sync.Mutex
	serving   sync.WaitGroup
	failed    chan error // the first failure of a part; it ends the server
}

// serve runs the server until ctx ends or a part of it fails.
func serve(ctx context.Context, g *globals, c *Config, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	n, err := openNode(ctx, c, nodeOptions{logger: log, delivers: true})
	if err != nil {
		return err
	}
	d := &daemon{node: n, flags: g, log: log, failed: make(chan error, 1)}
	if err := d.start(ctx); err != nil {
		return errors.Join(err, d.stop())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go giveBack(ctx)
	d.ready.Store(true)
	notify("READY=1")
	log.Info("ready", slog.String("version", version))
	for {
		select {
		case <-hangup:
			notify("RELOADING=1")
			if err := d.reload(); err != nil {
				log.Error("reload refused, all stays as it was", slog.Any("err", err))
			} else {
				log.Info("reloaded")
			}
			notify("READY=1")
		case err := <-d.failed:
			return errors.Join(err, d.stop())
		case <-ctx.Done():
			log.Info("stopping")
			return d.stop()
		}
	}
}

func (d *daemon) start(ctx context.Context) error {
	n, c := d.node, d.node.config()
	conf, err := loadTLS(c)
	if err != nil {
		return err
	}
	d.tls.Store(conf)
	var tlsNow func() *tls.Config
	if conf != nil {
		tlsNow = d.tls.Load
	}
	d.imap = imapbridge.New(imapbridge.Options{
		Authenticate: n.login, TLS: tlsNow, Hostname: c.Server.Hostname, Logger: d.log, MaxLiteral: c.LMTP.MaxMessageSize,
		MaxConnections: c.IMAP.MaxConnections, MaxPerIP: c.IMAP.MaxConnectionsByIP,
		IdleTimeout: time.Duration(c.IMAP.IdleTimeout) * time.Second,
	})
	d.lmtp = newLMTP(n, tlsNow)
	d.http = &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)}

	// All listeners before the first is served: a port that is taken stops the start
	// before any mail was answered.
	all, err := d.listen()
	if err == nil {
		var ctl *control
		if ctl, err = listenControl(n, c.Server.Control, d.log); err == nil {
			n.closers = append(n.closers, ctl.close)
		}
	}
	if err != nil {
		for _, s := range all {
			s.l.Close()
		}
		return err
	}
	for _, s := range all {
		d.serving.Go(func() {
			err := s.serve(s.l)
			if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, imapbridge.ErrServerClosed) && !errors.Is(err, lmtp.ErrServerClosed) {
				d.fail(err)
			}
		})
	}
	d.background(ctx)
	return nil
}

// served is a listener and what is done with it.
type served struct {
	l     net.Listener
	serve func(net.Listener) error
}

// listen opens all listeners. If it fails it returns those that are open.
func (d *daemon) listen() ([]served, error) {
	c := d.node.config()
	var all []served
	listen := func(what string, addrs []string, serve func(net.Listener) error) error {
		for _, a := range addrs {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			all = append(all, served{l, serve})
			d.log.Info("listening", slog.String("service", what), slog.String("address", l.Addr().String()))
		}
		return nil
	}
	err := errors.Join(
		listen("imap", c.IMAP.Listen, func(l net.Listener) error { return d.imap.Serve(context.Background(), l, false) }),
		listen("imaps", c.IMAP.ListenTLS, func(l net.Listener) error { return d.imap.Serve(context.Background(), l, true) }),
		listen("lmtp", c.LMTP.Listen, func(l net.Listener) error { return d.lmtp.Serve(context.Background(), l) }),
		listen("http", c.HTTP.Listen, d.http.Serve),
	)
	if err == nil && c.LMTP.Socket != "" {
		var l net.Listener
		if l, err = listenDeliver(c); err == nil {
			all = append(all, served{l, func(l net.Listener) error { return d.lmtp.Serve(context.Background(), l) }})
			d.node.onClose("delivery socket", func() error { return removeIfThere(c.LMTP.Socket) })
		}
	}
	return all, err
}

// fail ends the server because of err. Only the first failure does; the others are logged, and
// nobody waits.
func (d *daemon) fail(err error) {
	select {
	case d.failed <- err:
	default:
		d.log.Error("failed", slog.Any("err", err))
	}
}

// background starts what works without being asked; it ends before the node is closed.
func (d *daemon) background(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	for what, run := range map[string]func(context.Context) error{
		"intake": d.node.intake.Run, "outbox": d.node.outbox.Run, "housekeeper": d.node.jobs.Run,
	} {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				d.fail(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	d.node.onClose("background work", func() error { cancel(); wg.Wait(); return nil })
}

// stop ends the sessions, waits for what they do, and closes the node.
func (d *daemon) stop() error {
	d.ready.Store(false)
	notify("STOPPING=1")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	var errs []error
	if d.lmtp != nil {
		errs = append(errs, d.lmtp.Shutdown(ctx), d.imap.Shutdown(ctx), d.http.Shutdown(ctx))
	}
	d.serving.Wait()
	return errors.Join(append(errs, d.node.close(ctx))...)
}

// reload reads configuration, scripts, certificates and the relay's secret again. All of it
// is taken, or none; a setting that needs a restart refuses the whole.
func (d *daemon) reload() error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	n := d.node
	was := n.config()
	c, _, err := d.flags.load()
	if err != nil {
		return err
	}
	if fixed := needsRestart(was, c); fixed != "" {
		return fmt.Errorf("%s needs a restart", fixed)
	}
	conf, err := loadTLS(c)
	if err != nil {
		return err
	}
	relay, err := relayOf(c)
	if err != nil {
		return err
	}
	// The library's Load is all or nothing, and so is what follows: it comes last of what
	// can fail because of what somebody wrote.
	n.settings.Store(c) // Load asks it whether a redirect can be carried
	if err := n.library.Load(sourcesOf(c)); err != nil {
		n.settings.Store(was)
		return err
	}
	if err := n.outbox.SetRelay(relay); err != nil {
		n.settings.Store(was)
		return errors.Join(err, n.library.Load(sourcesOf(was)))
	}
	d.tls.Store(conf)
	return nil
}

// needsRestart names a setting that differs and cannot be taken over by a running server, or "".
func needsRestart(old, now *Config) string {
	values := map[string]any{}
	old.walk(func(path string, f reflect.Value, _ string) { values[path] = f.Interface() })
	found := ""
	now.walk(func(path string, f reflect.Value, _ string) {
		was, known := values[path]
		delete(values, path)
		switch {
		case found != "" || hasAnyPrefix(path, "script.", "relay.address", "relay.tls", "relay.username", "relay.password-file"):
		case hasAnyPrefix(path, "tls.") && (was == "") == (f.Interface() == ""):
		case !known || !reflect.DeepEqual(was, f.Interface()):
			found = path
		}
	})
	for path := range values {
		if found == "" && !hasAnyPrefix(path, "script.") {
			found = path
		}
	}
	return found
}

// loadTLS returns the configured certificate, nil if there is none.
func loadTLS(c *Config) (*tls.Config, error) {
	if c.TLS.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return nil, &configError{[]string{"tls: " + err.Error()}}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// notify tells systemd, if it started this process (sd_notify(3)).
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if conn, err := net.Dial("unixgram", path); err == nil {
		conn.Write([]byte(state))
		conn.Close()
	}
}
