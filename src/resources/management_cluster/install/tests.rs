//! Installing on a server with written-down answers.
