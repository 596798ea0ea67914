use std::sync::Mutex;

use switchboard_sim::contract::{Bed, all};
use switchboard_sim::worlds::Foreign;
use switchboard_sim::worlds::turmoil::{TurmoilEnv, TurmoilWorld};

use crate::remote::{Home, Remote, serve};

#[test]
fn two_hosts_keep_every_check_of_the_contract() {
    for check in all::<Remote>() {
        for seed in 1..=2 {
            println!("{} (seed {seed})", check.name);
            let mut world = TurmoilWorld::new(seed);
            let nodes = ["server", "client"].map(|name| world.add_node(name));
            let [server, client] = nodes.map(|node| {
                let (home, asked) = Home::new();
                let asked = Mutex::new(Some(asked));
                world.boot(node, move |env| {
                    let asked = asked.lock().expect("nothing panics here").take();
                    serve(env, asked.expect("a host boots once"))
                });
                Remote { env: world.env(node), home }
            });
            let bed = Bed { server, client, ip: world.ip(nodes[0]) };
            let checker = world.add_node("checker");
            world.block_on(checker, (check.run)(bed));
        }
    }
}

#[test]
fn one_host_keeps_every_check_of_the_contract() {
    for check in all::<TurmoilEnv>() {
        println!("{}", check.name);
        let mut world = TurmoilWorld::new(1);
        let host = world.add_node("host");
        let (env, ip) = (world.env(host), world.ip(host));
        world.block_on(host, (check.run)(Bed { server: env.clone(), client: env, ip }));
    }
}
