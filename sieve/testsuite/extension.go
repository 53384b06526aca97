package testsuite

import (
	"path/filepath"

	"github.com/sluice-mail/sluice/sieve"
)

// extension returns vnd.dovecot.testsuite for one file.
func (s *suite) extension() sieve.Extension {
	text := func(name string) sieve.Arg { return sieve.Arg{Name: name, Kind: sieve.StringArgument} }
	texts := func(name string) sieve.Arg { return sieve.Arg{Name: name, Kind: sieve.ListArgument} }
	number := sieve.Arg{Name: "index", Kind: sieve.NumberArgument}
	index := sieve.Tag{Name: "index", Args: []sieve.Arg{number}}
	mailbox := sieve.Tag{Name: "folder", Group: "place", Args: []sieve.Arg{text("mailbox")}}
	smtp := sieve.Tag{Name: "smtp", Group: "place"}
	return sieve.Extension{
		Name: extensionName, Spec: "Pigeonhole", Status: "complete; in test files only",
		Limits: "a run of a test file 5 minutes, one of its scripts 30 seconds",
		Commands: []sieve.Command{
			{Name: "test", Args: []sieve.Arg{text("name")}, Block: true, Bind: s.bindTest},
			{Name: "test_fail", Args: []sieve.Arg{text("reason")}, Bind: s.bindFail},
			{Name: "test_set", Args: []sieve.Arg{text("object"), text("value")}, Bind: s.bindSet},
			{Name: "test_config_set", Args: []sieve.Arg{text("setting"), text("value")}, Bind: s.bindConfigSet},
			{Name: "test_config_unset", Args: []sieve.Arg{text("setting")}, Bind: s.bindConfigUnset},
			{Name: "test_config_reload", Tags: []sieve.Tag{{Name: "extension", Args: []sieve.Arg{text("extension")}}}, Bind: s.bindConfigReload},
			{Name: "test_result_reset", Bind: s.bindReset},
			{Name: "test_result_print", Bind: s.bindPrint(func() string { return s.result.describe() })},
			{Name: "test_message_print", Bind: s.bindPrint(func() string { return string(s.tx.Message.Raw()) })},
			{Name: "test_mailbox_create", Args: []sieve.Arg{text("mailbox")}, Bind: s.bindMailboxCreate},
			{Name: "test_mailbox_delete", Args: []sieve.Arg{text("mailbox")}, Bind: s.bindMailboxDelete},
			{Name: "test_message", Args: []sieve.Arg{number}, Tags: []sieve.Tag{mailbox, smtp}, Bind: s.bindMessage},
			{Name: "test_binary_save", Args: []sieve.Arg{text("name")}, Bind: s.bindBinarySave},
			{Name: "test_binary_load", Args: []sieve.Arg{text("name")}, Bind: s.bindBinaryLoad},
			{Name: "test_imap_metadata_set", Args: []sieve.Arg{text("annotation"), text("value")},
				Tags: []sieve.Tag{{Name: "mailbox", Args: []sieve.Arg{text("mailbox")}}}, Bind: s.bindMetadataSet},
		},
		Tests: []sieve.Test{
			{Name: "test_script_compile", Args: []sieve.Arg{text("script")}, Bind: s.bindCompile},
			{Name: "test_script_run", Tags: []sieve.Tag{{Name: "append_result"}}, Bind: s.bindRun},
			{Name: "test_multiscript", Args: []sieve.Arg{texts("scripts")}, Bind: s.bindMultiscript},
			{Name: "test_result_execute", Bind: s.bindExecute},
			{Name: "test_message", Args: []sieve.Arg{number}, Tags: []sieve.Tag{mailbox, smtp}, Bind: s.bindMessageTest},
			{Name: "test_error", Args: []sieve.Arg{texts("key-list")}, Tags: []sieve.Tag{index}, Match: true, Comparator: "i;octet",
				Bind: s.bindLines(func() []string { return s.log })},
			{Name: "test_result_action", Args: []sieve.Arg{texts("key-list")}, Tags: []sieve.Tag{index}, Match: true, Comparator: "i;octet",
				Bind: s.bindLines(func() []string { return s.result.names() })},
		},
		Namespaces: []sieve.Namespace{{
			Name: "tst",
			Read: func(_ *sieve.Binder, name string, _ sieve.Span) func(*sieve.Run) string {
				value := ""
				if name == "path" {
					value, _ = filepath.Abs(s.folder)
				}
				return func(*sieve.Run) string { return value }
			},
		}},
	}
}
