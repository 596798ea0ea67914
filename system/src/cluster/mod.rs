//! The cluster as one node takes part in it.
