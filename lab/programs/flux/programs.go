//go:build programs

// Package programs pins what the lab generates from these modules.
package programs

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/source-controller/api/v1"
)
