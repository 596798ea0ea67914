//! What a node keeps on its disk: the logs, votes and snapshots of all its groups, in one file with one commit for many.
