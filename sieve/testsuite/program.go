package testsuite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// noPrograms is the folder of programs where a test names none: the extensions are there, and
// every program is unknown.
const noPrograms = "/dev/null"

func init() {
	for name, at := range map[string]func(c *config) (folder *string, o *runtime.ExternalOptions){
		"pipe": func(c *config) (*string, *runtime.ExternalOptions) { return &c.sieve.PipeFolder, &c.pipe },
		"filter": func(c *config) (*string, *runtime.ExternalOptions) {
			return &c.sieve.FilterFolder, &c.sieve.FilterOptions
		},
		"execute": func(c *config) (*string, *runtime.ExternalOptions) {
			return &c.sieve.ExecuteFolder, &c.sieve.ExecuteOptions
		},
	} {
		defineKeyed(func(c *config, _, v string) (err error) {
			folder, _ := at(c)
			if !c.programs {
				return errors.New("test files may not run programs here")
			}
			if v == "" {
				v = noPrograms
			}
			*folder, err = filepath.Abs(v)
			return err
		}, "sieve_"+name+"_bin_dir")
		defineKeyed(func(c *config, _, v string) error {
			_, o := at(c)
			d, err := kv.ParseTTL(v)
			if v == "0" {
				d, err = -1, nil // no limit
			}
			o.Time = d
			return err
		}, "sieve_"+name+"_exec_timeout")
		defineKeyed(func(c *config, _, v string) error {
			_, o := at(c)
			if v != "lf" && v != "crlf" {
				return fmt.Errorf("%q is neither lf nor crlf", v)
			}
			o.LF = v == "lf"
			return nil
		}, "sieve_"+name+"_input_eol")
	}
}

// withPrograms offers the extensions that run programs, with no programs.
func withPrograms(o *sieve.Options) {
	for _, folder := range []*string{&o.PipeFolder, &o.FilterFolder, &o.ExecuteFolder} {
		if *folder == "" {
			*folder = noPrograms
		}
	}
}

// pipe gives a message to a program.
func (o *outlet) pipe(ctx context.Context, d *runtime.Delivery, key string, a *runtime.Action, raw []byte) error {
	s := o.suite
	x := runtime.External{Name: a.Program, Args: a.Args, Input: raw, Env: runtime.ExternalEnv(&s.tx)}
	x.Env[runtime.ExternalKey] = key
	res, err := s.pipe.Run(ctx, s.sieve.PipeFolder, x)
	if err == nil && res.Exit == 0 {
		return nil
	}
	keep, wanted := runtime.InsteadOfPipe(d.Plans[0].Actions, a)
	if !a.Try {
		o.failed = true
		if errors.Is(err, runtime.ErrProgramFailed) {
			s.errorf("%v", err)
		}
		s.errorf("failed to pipe message to program '%s'", a.Program)
	}
	if !wanted {
		return nil
	}
	return o.file(&keep, keep.Message(d.Raw))
}
