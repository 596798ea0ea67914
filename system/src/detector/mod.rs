//! Which nodes seem to be alive: a hint, never a decision.
