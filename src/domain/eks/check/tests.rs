//! What is wrong is told, each at its field, and all at once.

use super::*;
