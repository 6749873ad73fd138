//go:build programs

// Package programs pins what the lab builds and generates from this module.
package programs

import _ "sigs.k8s.io/cluster-api-provider-aws/v2"
