// Package mysql is a kv.Store.
package mysql

import (
	_ "github.com/go-sql-driver/mysql"
)
