//go:build programs

// Package programs pins what the lab builds.
package programs

import _ "sigs.k8s.io/external-dns"
