//! Bytes per idle connection, as the slope of resident memory: real ones, of a node and of bare hyper in the same run, and
//! simulated ones. Not timed, so not criterion's: only `cargo bench` runs it in full.

use std::net::SocketAddr;

use switchboard::env::{Env, Listener};
use switchboard_benches::{Client, runtime, start_bare, start_node};
use switchboard_sim::{Options, World};

/// Resident memory of this process in bytes; both ends of a connection live in it.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// The slope between `few` and `many` connections that were called on once and then left alone.
fn slope(address: SocketAddr, few: usize, many: usize) -> u64 {
    let mut clients: Vec<Client> = (0..few).map(|_| Client::connect(address)).collect();
    let before = resident_bytes();
    clients.extend((few..many).map(|_| Client::connect(address)));
    let after = resident_bytes();
    after.saturating_sub(before) / (many - few) as u64
}

fn simulated(connections: usize) -> u64 {
    let mut world = World::new(Options::seeded(7));
    let (server, client) = (world.add_node("server", None), world.add_node("client", None));
    let before = resident_bytes();
    world.boot(server, |env| async move {
        let address = "0.0.0.0:80".parse().expect("an address");
        let mut listener = env.listen(address).await.expect("the port must be free");
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let address = SocketAddr::new(world.ip(server), 80);
    world.boot(client, move |env| async move {
        let mut held = Vec::new();
        for _ in 0..connections {
            held.push(env.connect(address).await.expect("the server must listen"));
        }
        std::future::pending::<()>().await;
    });
    world.run_for(std::time::Duration::from_secs(600));
    resident_bytes().saturating_sub(before) / connections as u64
}

fn main() {
    let small = !std::env::args().any(|argument| argument == "--bench");
    let (few, many, simulated_len) = if small { (20, 80, 200) } else { (2_000, 8_000, 20_000) };
    let runtimes = (runtime(), runtime());
    let bare = slope(start_bare(&runtimes.0), few, many);
    let node = slope(start_node(&runtimes.1), few, many);
    // The client's side of each is a socket and a request, the same in both.
    println!("memory/idle connection, bare hyper  {bare:>8} bytes");
    println!("memory/idle connection, node        {node:>8} bytes");
    println!("memory/idle connection, simulated   {:>8} bytes", simulated(simulated_len));
}
