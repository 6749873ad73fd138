//go:build programs

// Package programs pins what the lab builds from this module.
package programs

import _ "github.com/opentofu/opentofu/cmd/tofu"
