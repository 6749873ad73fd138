//go:build programs

// Package programs pins what the lab builds.
package programs

import _ "github.com/letsencrypt/pebble/v2/cmd/pebble"
