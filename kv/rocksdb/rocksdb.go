//go:build rocksdb

// Package rocksdb is a kv.Store.
package rocksdb

import (
	_ "github.com/linxGnu/grocksdb"
)
