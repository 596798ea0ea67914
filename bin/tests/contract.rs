//! The TCP contract on real loopback sockets: the same checks that the simulator's kernel keeps, so that both mean the same
//! by "connection".

use std::net::{IpAddr, Ipv4Addr};

use switchboard_bin::world::TokioEnv;
use switchboard_sim::contract::{Bed, all};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_sockets_keep_every_check_of_the_contract() {
    let env = TokioEnv::boot().expect("a world must boot");
    for check in all::<TokioEnv>() {
        println!("{}", check.name);
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        (check.run)(Bed { server: env.clone(), client: env.clone(), ip }).await;
    }
}
