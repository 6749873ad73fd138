//go:build programs

// Package programs pins what the lab builds and generates from these modules.
package programs

import (
	_ "sigs.k8s.io/controller-tools/cmd/controller-gen"
)
