//! A shield around links: what works inside, and who is kept out that the secret alone would let in.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use switchboard::env::{Env, Listener};
use switchboard::ids::NodeId;
use switchboard::mesh::{MeshError, Refusal, Shield};
use switchboard_sim::SimEnv;

use crate::bed::{Bed, Member, Setting, order, pattern};
use crate::toy::Toy;

const ECHO: Bytes = Bytes::from_static(b"e");

fn is_up(bed: &mut Bed, a: &Member, b: &Member) -> bool {
    bed.ask(a, b, ECHO).is_ok()
}

/// Two nodes with names of their own, and somebody with the id of the second and a third name.
fn with_impostor(seed: u64) -> (Bed, [Member; 3]) {
    let mut bed = Bed::with(seed, vec![Setting::shielded(1, "a"), Setting::shielded(2, "b")]);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    let impostor = bed.add(Setting::shielded(2, "c"));
    // A life that would end those of the true one.
    impostor.incarnation.set(90);
    bed.world.kill(impostor.host);
    bed.world.restart(impostor.host);
    bed.world.run_for(Duration::from_millis(1));
    impostor.mesh().know(a.id, a.address, a.bond);
    (bed, [a, b, impostor])
}

#[test]
fn links_work_inside_of_a_shield_that_holds_back_what_is_not_flushed() {
    for seed in 0..50 {
        let mut bed = Bed::with(seed, vec![Setting::shielded(1, "a"), Setting::shielded(2, "b")]);
        bed.tiny_io(1 + 40 * seed as u32);
        let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
        let begin = bed.world.now();
        for len in [0, 100, 5_000, 100_000] {
            assert_eq!(bed.ask(&a, &b, order(b'b', len)), Ok(pattern(len as usize)), "seed {seed}");
            assert_eq!(bed.ask(&b, &a, pattern(len as usize)), Ok(pattern(len as usize)), "seed {seed}");
        }
        let took = bed.world.now() - begin;
        assert!(took < Duration::from_millis(900), "a ping must not be what gets bytes out: {took:?}");
        // Unused links rest, which is no loss.
        bed.world.run_for(Duration::from_secs(300));
        assert_eq!((a.mesh().counters().links.get(), b.mesh().counters().links.get()), (0, 0));
        assert_eq!((a.notes.lost(), b.notes.lost()), (vec![], vec![]));
        bed.finish();
    }
}

#[test]
fn who_claims_the_id_of_another_is_refused_whichever_end_he_is() {
    for seed in 0..20 {
        let (mut bed, [a, b, impostor]) = with_impostor(seed);
        let refused = Err(MeshError::Refused(Refusal::OtherName(b.id)));
        assert!(is_up(&mut bed, &a, &b) && is_up(&mut bed, &b, &a));
        assert_eq!(bed.ask(&impostor, &a, ECHO), refused);
        a.mesh().know(b.id, impostor.address, b.bond);
        assert_eq!(bed.ask(&a, &b, ECHO), refused);
        assert!(impostor.notes.peers().is_empty(), "no request may reach him");
        a.mesh().know(b.id, b.address, b.bond);
        assert!(is_up(&mut bed, &a, &b) && is_up(&mut bed, &b, &a), "the true one is what it was");
        assert!(a.notes.peers().iter().all(|peer| peer.bond == Some(b.bond)));
        assert_eq!((a.notes.lost(), a.mesh().counters().refused.get()), (vec![], 1));
        bed.finish();
    }
}

#[test]
fn an_impostor_who_came_before_the_node_was_known_is_cut_once_it_is() {
    let (mut bed, [a, b, impostor]) = with_impostor(3);
    a.mesh().forget(b.id);
    assert!(is_up(&mut bed, &impostor, &a), "of a node that nobody knows, any name is taken");
    a.mesh().know(b.id, b.address, b.bond);
    bed.world.run_for(Duration::from_millis(50));
    assert_eq!(a.mesh().counters().links.get(), 0);
    assert_eq!(bed.ask(&impostor, &a, ECHO), Err(MeshError::Refused(Refusal::OtherName(b.id))));
    assert!(is_up(&mut bed, &b, &a), "his incarnation must not count");
    bed.finish();
}

#[test]
fn a_node_that_joined_without_a_shield_may_have_any_name() {
    let mut bed = Bed::with(4, vec![Setting::shielded(1, "a"), Setting::shielded(2, "b")]);
    let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
    a.mesh().know(b.id, b.address, Setting::new(2).bond());
    assert!(is_up(&mut bed, &a, &b) && is_up(&mut bed, &b, &a));
    bed.finish();
}

#[test]
fn a_shield_at_one_end_alone_makes_no_link() {
    let mut bed = Bed::with(5, vec![Setting::shielded(1, "a"), Setting::new(2)]);
    let (shielded, bare) = (bed.members[0].clone(), bed.members[1].clone());
    assert_eq!(bed.ask(&shielded, &bare, ECHO), Err(MeshError::Unreachable));
    assert_eq!(bed.ask(&bare, &shielded, ECHO), Err(MeshError::Unreachable));
    for member in [&shielded, &bare] {
        let mesh = member.mesh();
        let counters = mesh.counters();
        assert_eq!((counters.strangers.get(), counters.dials_failed.get(), counters.links.get()), (1, 1, 0));
        assert!(member.notes.peers().is_empty());
    }
    bed.finish();
}

/// Passes everything on between a dialler and `to`, inside of shields of its own or as it comes.
async fn stand_between(env: SimEnv, to: SocketAddr, is_shielded: bool) {
    let mut listener = env.listen(SocketAddr::from(([0, 0, 0, 0], 99))).await.expect("must bind");
    let (near, _) = listener.accept().await.expect("must accept");
    let far = env.connect(to).await.expect("must connect");
    let toy = Toy::new(env, "between");
    let (mut near, mut far): (switchboard::env::AnyStream, switchboard::env::AnyStream) = if is_shielded {
        let near = toy.accepted(Box::new(near)).await.expect("a shield");
        let far = toy.dialled(Box::new(far)).await.expect("a shield");
        (near.stream, far.stream)
    } else {
        (Box::new(near), Box::new(far))
    };
    // However it ends: the nodes tell what came of it.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

#[test]
fn who_stands_between_with_a_name_but_not_the_secret_passes_no_handshake_on() {
    for is_shielded in [false, true] {
        let mut bed = Bed::with(6, vec![Setting::shielded(1, "a"), Setting::shielded(2, "b")]);
        let (a, b) = (bed.members[0].clone(), bed.members[1].clone());
        // Only the secret and the binding are to keep him out: nobody knows whose names are whose.
        a.mesh().forget(b.id);
        b.mesh().forget(a.id);
        let host = bed.world.add_node("between", None);
        let to = b.address;
        bed.world.boot(host, move |env| stand_between(env, to, is_shielded));
        bed.world.run_for(Duration::from_millis(1));
        let (mesh, env) = (a.mesh(), bed.world.env(a.host));
        let address = SocketAddr::new(bed.world.ip(host), 99);
        let answer =
            bed.at(&a, async move { mesh.request_at(address, ECHO, env.now().after_ms(5_000)).await });
        if is_shielded {
            assert_eq!(answer, Err(MeshError::Unreachable));
            assert!(b.notes.peers().is_empty());
            assert_eq!(b.mesh().counters().strangers.get(), 1);
        } else {
            assert_eq!(answer.map(|(peer, _)| peer.node), Ok(NodeId(2)), "bytes as they come pass");
        }
        bed.finish();
    }
}
