//! The Switchboard server.
fn main() {}
