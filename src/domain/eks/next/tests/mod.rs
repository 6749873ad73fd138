//! Decisions.

use super::*;
