package gateway

import "github.com/sluice-mail/sluice/runtime"

var _ Journal = (*runtime.Journal)(nil)
