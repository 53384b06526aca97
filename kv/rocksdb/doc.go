// Package rocksdb is a kv.Store.
package rocksdb
