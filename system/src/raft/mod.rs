//! Consensus: one log that a group of nodes agrees on, and a machine that each of them feeds from it.
