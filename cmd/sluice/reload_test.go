package main

import (
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// A reload swaps the settings; it does not change them under those who read them.
func TestAReloadWhileRunsReadTheSettings(t *testing.T) {
	s := startServer(t, "[relay]\naddress = \"127.0.0.1:9\"\n[store.\"other\"]\ntype = \"memory\"\n[[script]]\npath = \"$DIR/a.js\"\n", map[string]string{"a.js": `keep()`})
	c, _, err := loadConfig(s.config, filepath.Join(s.dir, "data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				in := runIn{Script: "x.js", Source: []byte(`redirect("a@remote.test")`), Message: []byte("Subject: x\r\n\r\n"), Stage: "deliver", To: "a@example.test", Namespace: "admin"}
				if out, err := opRun.call(t.Context(), c, in); err != nil || out.Failed != "" {
					t.Errorf("a run during a reload: %v, %s", err, out.Failed)
					return
				}
			}
		})
	}
	for i := range 10 {
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.waitLog(fmt.Sprintf(`(?s)(msg=reloaded.*){%d}`, i+1))
	}
	close(done)
	readers.Wait()
	s.stop() // with the race detector, the exit code tells
}

func TestLookingAtSettingsWritesNothing(t *testing.T) {
	c := Default("data")
	for i := range 500 {
		c.Store[fmt.Sprint("s", i)] = defaultStore("data")
	}
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for range 20 {
			needsRestart(c, c)
		}
	}()
	for { // Go ends a program that it sees write a map while another reads it
		for id := range c.Store {
			_ = c.Store[id]
		}
		select {
		case <-looked:
			return
		default:
		}
	}
}
