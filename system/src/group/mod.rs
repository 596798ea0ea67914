//! What one data group holds: sessions with their streams, and tasks. A plain value and the commands that change it.
