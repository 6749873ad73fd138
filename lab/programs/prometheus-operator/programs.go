//go:build programs

// Package programs pins what the lab generates from these modules.
package programs

import (
	_ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
)
