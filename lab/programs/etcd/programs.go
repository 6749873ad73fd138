//go:build programs

// Package programs pins what the lab builds from this module.
package programs

import _ "go.etcd.io/etcd/server/v3"
