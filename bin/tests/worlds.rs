//! The fourth world, real sockets on loopback, agrees with the kernel on what clients were told where nothing goes wrong.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard::env::Env;
use switchboard_bin::world::{TokioEnv, start};
use switchboard_scenarios::TOUR;
use switchboard_sim::check::{History, Told};
use switchboard_sim::scenario::{Cast, Site, Wishes, run};
use switchboard_sim::worlds::Seeded;

fn boot() -> TokioEnv {
    TokioEnv::boot().expect("a world must boot")
}

/// Sites on loopback with ports that are free right now.
fn sites(count: u32, state: &std::path::Path) -> Vec<Site> {
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let taken: Vec<TcpListener> =
        (0..3 * count).map(|_| TcpListener::bind((ip, 0)).expect("a port must be free")).collect();
    let port = |number: u32| taken[number as usize].local_addr().expect("it is bound").port();
    let site = |number: u32| Site {
        ip,
        http: port(3 * number),
        mesh: port(3 * number + 1),
        admin: port(3 * number + 2),
        state_dir: state.join(number.to_string()),
    };
    (0..count).map(site).collect()
}

#[test]
fn clients_on_real_sockets_are_told_the_same_as_in_the_kernel() {
    let wishes = Wishes { seed: 1, keeps_history: true, ..Wishes::default() };
    // Outside of any runtime: inside of one, tokio's channels count the polls of a task of theirs.
    let kernel = run(&TOUR, &wishes);
    assert!(kernel.is_passed(), "{kernel}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let there = runtime.expect("a runtime must start").block_on(on_loopback(&wishes));
    let common =
        Told::of(&kernel.history).agree(&there).unwrap_or_else(|disagreement| panic!("{disagreement}"));
    println!("{common} exchanges are the same");
    assert!(there.fewest() >= 8, "a client that asked {} times proves little", there.fewest());
}

/// What the clients of the tour are told there.
async fn on_loopback(wishes: &Wishes) -> Told {
    let setup = Arc::new(TOUR.setup(wishes));
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("worlds-{}", std::process::id()));
    let history = History::new(boot()).with_words(true);
    let cast = Cast::new(&setup, &history, sites(setup.nodes, &state));
    for node in setup.servers() {
        let env = boot();
        let life = cast.serve(node, env.clone(), TOUR.catalogue, start);
        drop(env.spawn("node", async move {
            life.await;
        }));
    }
    for host in 0..setup.hosts {
        let env = Seeded::new(boot(), wishes.seed, &format!("clients {host}"));
        cast.come(host, &env);
    }
    // Their last answers come after the end of their work.
    let busy_ms = setup.groups.iter().map(|group| group.work.end_ms).max().unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(busy_ms + 1_000)).await;
    std::fs::remove_dir_all(&state).expect("the nodes must have kept state");
    Told::of(&history.take())
}
