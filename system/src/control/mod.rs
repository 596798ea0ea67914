//! The map of the cluster: its nodes, which of them hold which group, its keys. A plain value and the commands that change it.
