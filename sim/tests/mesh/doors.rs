//! The door: who is let in, and what strangers get, which is nothing.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use switchboard::env::{Entropy, Env};
use switchboard::ids::{Epoch, Incarnation, NodeId};
use switchboard::mesh::{ClusterId, Identity, MeshError, Refusal, WireRange};
use switchboard_sim::{SimEnv, SimStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bed::{Bed, CLUSTER, Member, Setting};

/// Bytes of a knock: magic, nonce, proof.
const KNOCK: usize = 8 + 16 + 32;

/// What somebody who sends these bytes is sent before the connection ends, and how long that takes.
async fn poke(env: SimEnv, to: SocketAddr, bytes: Vec<u8>, is_ending: bool) -> (Vec<u8>, Duration) {
    let start = env.now();
    let mut stream = env.connect(to).await.expect("must connect");
    let _ = stream.write_all(&bytes).await;
    if is_ending {
        let _ = stream.shutdown().await;
    }
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    (got, env.now().since(start))
}

/// Passes bytes on between a dialler and `to`, and keeps what each said.
async fn overhear(env: SimEnv, port: u16, to: SocketAddr) -> (Vec<u8>, Vec<u8>) {
    use switchboard::env::Listener;
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], port))).await.expect("must bind");
    let (mut near, _) = listener.accept().await.expect("must accept");
    let mut far = env.connect(to).await.expect("must connect");
    let mut said = (Vec::new(), Vec::new());
    // Knock, challenge, hello and reply: strictly in turns.
    for turn in 0..4 {
        let (from, into, kept): (&mut SimStream, &mut SimStream, _) = if turn % 2 == 0 {
            (&mut near, &mut far, &mut said.0)
        } else {
            (&mut far, &mut near, &mut said.1)
        };
        let mut bytes = [0; 1_024];
        let len = from.read(&mut bytes).await.expect("must read");
        kept.extend_from_slice(&bytes[..len]);
        into.write_all(&bytes[..len]).await.expect("must write");
    }
    said
}

fn is_up(bed: &mut Bed, a: &Member, b: &Member) -> bool {
    bed.ask(a, b, Bytes::from_static(b"e")).is_ok()
}

#[test]
fn a_stranger_is_sent_nothing_whatever_it_sends() {
    for seed in 0..50 {
        let mut bed = Bed::new(seed, 2);
        bed.tiny_io(1 + seed as u32);
        let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
        let mut entropy = Entropy::from_seed([seed as u8; 32]);
        let mut noise = vec![0; 1 + entropy.below(2_000) as usize];
        entropy.fill(&mut noise);
        let magic = [&b"swbmesh\x01"[..], &noise].concat();
        let http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
        for bytes in [noise.clone(), magic.clone(), http, magic[..20.min(magic.len())].to_vec(), Vec::new()] {
            for is_ending in [false, true] {
                let env = bed.world.env(a.host);
                let (got, took) = bed.at(&a, poke(env, b.address, bytes.clone(), is_ending));
                assert_eq!(got, b"", "seed {seed}");
                assert!(took < Duration::from_millis(3_100), "{took:?}");
            }
        }
        assert_eq!(b.mesh().counters().strangers.get(), 10);
        assert_eq!(b.mesh().counters().handshakes.get(), 0);
        assert!(is_up(&mut bed, &a, &b));
        bed.finish();
    }
}

#[test]
fn a_wrong_secret_gets_nowhere_in_either_direction() {
    let wrong = Setting { secret: [43; 32], ..Setting::new(2) };
    let mut bed = Bed::with(1, vec![Setting::new(1), wrong]);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    assert_eq!(bed.ask(&b, &a, Bytes::from_static(b"e")), Err(MeshError::Unreachable));
    assert_eq!((a.mesh().counters().strangers.get(), b.mesh().counters().strangers.get()), (1, 1));
    assert!(a.notes.peers().is_empty() && b.notes.peers().is_empty());
    bed.finish();
}

#[test]
fn what_was_overheard_opens_no_door() {
    let mut bed = Bed::new(2, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let between = bed.add(Setting::new(3));
    // a believes that b is at the eavesdropper's.
    a.mesh().know(b.id, SocketAddr::new(between.address.ip(), 99), b.bond);
    let (env, place) = (bed.world.env(between.host), std::rc::Rc::new(std::cell::RefCell::new(None)));
    let said = std::rc::Rc::clone(&place);
    let to = b.address;
    bed.world.boot(between.host, move |env| {
        let said = std::rc::Rc::clone(&said);
        async move { *said.borrow_mut() = Some(overhear(env, 99, to).await) }
    });
    bed.world.run_for(Duration::from_millis(1));
    let asked = bed.start(&a, &b, Bytes::from_static(b"e"), 1_000, false);
    bed.world.run_for(Duration::from_secs(2));
    drop(asked);
    let (dialler, accepter) = place.borrow_mut().take().expect("must have overheard a handshake");
    assert!(dialler.len() > KNOCK && accepter.len() > 48);

    // The whole of the dialler's part again: the challenge is another one now, so its hello proves nothing.
    let before = b.mesh().counters().strangers.get();
    let (got, took) = bed.at(&between, poke(env, b.address, dialler.clone(), false));
    assert_eq!(got.len(), 48, "a nonce and a proof, and no word of who or which version");
    assert_ne!(got, accepter[..48]);
    assert!(took < Duration::from_secs(1));
    // The accepter's own proof sent back to it, as a knock and as a hello.
    let reflected = [&dialler[..8], &accepter[..48]].concat();
    assert_eq!(bed.at(&between, poke(env, b.address, reflected, false)).0, b"");
    let reflected = [&dialler[..KNOCK], &accepter[48..]].concat();
    assert_eq!(bed.at(&between, poke(env, b.address, reflected, false)).0.len(), 48);
    // The knock alone, half-open.
    let (got, took) = bed.at(&between, poke(env, b.address, dialler[..KNOCK].to_vec(), false));
    assert_eq!(got.len(), 48);
    assert!(took < Duration::from_millis(3_100), "{took:?}");
    assert_eq!(b.mesh().counters().strangers.get() - before, 4);
    assert_eq!(b.mesh().counters().handshakes.get(), 0);
    bed.finish();
}

#[test]
fn strangers_who_wait_at_the_door_are_few_and_keep_nobody_out() {
    let mut bed = Bed::new(3, 2);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let env = bed.world.env(a.host);
    for _ in 0..500 {
        env.spawn("stranger", {
            let to = b.address;
            async move { drop(poke(env, to, b"swbmesh".to_vec(), false).await) }
        });
    }
    bed.world.run_for(Duration::from_millis(100));
    assert_eq!(b.mesh().counters().handshakes.get(), 64);
    assert!(is_up(&mut bed, &a, &b));
    bed.world.run_for(Duration::from_secs(4));
    assert_eq!(b.mesh().counters().handshakes.get(), 0);
    assert_eq!(b.mesh().counters().strangers.get(), 500);
    bed.finish();
}

#[test]
fn another_cluster_is_refused_and_told_which_it_met() {
    let mut other = Setting::new(2);
    other.identity.cluster = ClusterId(0xc2);
    let mut bed = Bed::with(4, vec![Setting::new(1), other]);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let refused = |cluster| Err(MeshError::Refused(Refusal::Cluster(cluster)));
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), refused(ClusterId(0xc2)));
    assert_eq!(bed.ask(&b, &a, Bytes::from_static(b"e")), refused(CLUSTER));
    assert_eq!(b.mesh().counters().refused.get(), 1);
    bed.finish();
}

#[test]
fn versions_agree_where_they_can_and_say_so_where_not() {
    let ranged = |id, min, max| {
        let mut setting = Setting::new(id);
        setting.identity.wire = WireRange { min, max };
        setting
    };
    let mut bed = Bed::with(5, vec![ranged(1, 1, 1), ranged(2, 1, 2), ranged(3, 2, 2)]);
    let [old, both, new] = [0, 1, 2].map(|at| bed.members[at].clone());
    assert!(is_up(&mut bed, &old, &both) && is_up(&mut bed, &both, &old));
    assert!(is_up(&mut bed, &new, &both) && is_up(&mut bed, &both, &new));
    assert_eq!(both.notes.peers().iter().map(|peer| peer.wire).collect::<Vec<_>>(), [1, 2]);
    let refused = |min, max| Err(MeshError::Refused(Refusal::Version(WireRange { min, max })));
    assert_eq!(bed.ask(&old, &new, Bytes::from_static(b"e")), refused(2, 2));
    assert_eq!(bed.ask(&new, &old, Bytes::from_static(b"e")), refused(1, 1));
    bed.finish();
}

#[test]
fn an_applicant_asks_a_seed_and_is_somebody_once_it_was_given_an_id() {
    let mut bed = Bed::with(6, vec![Setting::new(1)]);
    let seed = bed.members[0].clone();
    let applicant = bed.add(Setting::new(0));
    let ask = |bed: &mut Bed| {
        let (mesh, env, to) = (applicant.mesh(), bed.world.env(applicant.host), seed.address);
        bed.at(&applicant, async move {
            mesh.request_at(to, Bytes::from_static(b"e take me"), env.now().after_ms(1_000)).await
        })
    };
    let (peer, answer) = ask(&mut bed).expect("must be answered");
    assert_eq!((peer.node, peer.address, &answer[..]), (seed.id, seed.address, &b"e take me"[..]));
    assert!(seed.notes.peers()[0].is_applicant());
    let identity = Identity {
        node: NodeId(5),
        incarnation: Incarnation(1),
        epoch: Epoch(2),
        ..Setting::new(0).identity
    };
    applicant.mesh().identify(identity);
    assert!(ask(&mut bed).is_ok());
    let peer = seed.notes.peers()[1];
    assert_eq!((peer.node, peer.epoch), (NodeId(5), Epoch(2)));
    bed.world.run_for(Duration::from_secs(1));
    assert_eq!(seed.mesh().counters().links.get(), 1, "the applicant's link must have been left");
    assert_eq!(seed.notes.lost(), []);
    bed.finish();
}

#[test]
fn a_node_at_anothers_address_is_not_taken_for_it() {
    let mut bed = Bed::new(7, 3);
    let [a, b, c] = [0, 1, 2].map(|at| bed.members[at].clone());
    a.mesh().know(b.id, c.address, b.bond);
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Refused(Refusal::OtherNode(c.id))));
    a.mesh().know(b.id, a.address, b.bond);
    assert_eq!(bed.ask(&a, &b, Bytes::from_static(b"e")), Err(MeshError::Refused(Refusal::OtherNode(a.id))));
    a.mesh().know(b.id, b.address, b.bond);
    assert!(is_up(&mut bed, &a, &b), "the right address must be tried at once");
    bed.finish();
}
