//! What a disk keeps, and what it loses.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use switchboard::env::{Disk, Env, File, OpenMode};
use switchboard_sim::{DiskOperation, Fault, NodeId, Options, SimDisk, World};

fn world(seed: u64) -> (World, NodeId) {
    let mut world = World::new(Options::seeded(seed));
    let node = world.add_node("n", None);
    (world, node)
}

fn disk(world: &World, node: NodeId) -> SimDisk {
    world.env(node).disk()
}

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(Path::new(path), OpenMode::Existing).ok()?;
    let mut bytes = vec![0; usize::try_from(file.len().expect("must have a length")).expect("must fit")];
    file.read_at(0, &mut bytes).expect("must read");
    Some(bytes)
}

fn create(disk: &SimDisk, path: &str, bytes: &[u8]) -> impl File {
    let file = disk.open(Path::new(path), OpenMode::CreateNew).expect("must create");
    file.write_at(0, bytes).expect("must write");
    file
}

#[test]
fn a_killed_process_loses_nothing_that_it_wrote() {
    let (mut world, node) = world(1);
    let old = disk(&world, node);
    let file = create(&old, "a", b"written, not synced");
    world.kill(node);
    let error = file.write_at(0, b"too late").expect_err("the node is dead");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    world.restart(node);
    assert_eq!(content(&disk(&world, node), "a").as_deref(), Some(b"written, not synced".as_slice()));
    assert!(old.open("a".as_ref(), OpenMode::Existing).is_err(), "a handle of the dead boot stays dead");
}

#[test]
fn what_was_synced_survives_a_power_loss() {
    for seed in 0..20 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        let file = create(&old, "a", b"synced");
        file.sync().expect("must sync");
        old.sync_directory("".as_ref()).expect("must sync");
        file.write_at(6, b" and more").expect("must write");
        world.lose_power(node);
        world.restart(node);
        let found = content(&disk(&world, node), "a").expect("its name was synced");
        assert!(found.starts_with(b"synced"), "{found:?}");
    }
}

#[test]
fn unsynced_writes_are_kept_torn_or_lost_by_the_seed() {
    const SECTORS: usize = 8;
    let mut lengths = BTreeSet::new();
    for seed in 0..60 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        let file = create(&old, "a", &[]);
        old.sync_directory("".as_ref()).expect("must sync");
        file.write_at(0, &[7; 512 * SECTORS]).expect("must write");
        world.lose_power(node);
        world.restart(node);
        let found = content(&disk(&world, node), "a").expect("its name was synced");
        assert!(found.len().is_multiple_of(512) && found.iter().all(|byte| *byte == 7));
        lengths.insert(found.len() / 512);
        assert!(world.fired()[0].touched > 0);
    }
    assert!(lengths.contains(&0) && lengths.contains(&SECTORS), "{lengths:?}");
    assert!(lengths.len() > 3, "some writes must be torn: {lengths:?}");
}

#[test]
fn the_power_fails_in_the_middle_of_writing_and_what_follows_is_not_done() {
    let mut kept = BTreeSet::new();
    for seed in 0..30 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        let file = create(&old, "a", b"0");
        file.sync().expect("must sync");
        old.sync_directory("".as_ref()).expect("must sync");
        world.apply(Fault::PowerLossInWrite { node, after: 1 });
        file.write_at(0, b"1").expect("it has power");
        file.sync().expect("it has power");
        file.write_at(0, b"2").expect("it was handed to the disk");
        assert!(file.write_at(0, b"3").is_err() && file.sync().is_err(), "the power is gone");
        world.run_for(Duration::from_millis(1));
        assert!(disk(&world, node).list("".as_ref()).is_err(), "the host is dark");
        world.restart(node);
        kept.insert(content(&disk(&world, node), "a").expect("its name was synced"));
        assert!(world.fired()[0].touched > 0);
    }
    assert!(kept.contains(&b"1"[..]) && kept.contains(&b"2"[..]), "{kept:?}");
    assert!(!kept.contains(&b"0"[..]), "what was synced survives: {kept:?}");
}

#[test]
fn a_lost_disk_comes_back_empty() {
    let (mut world, node) = world(4);
    let old = disk(&world, node);
    create(&old, "a", b"durable").sync().expect("must sync");
    old.sync_directory("".as_ref()).expect("must sync");
    world.apply(Fault::DiskLoss(node));
    world.restart(node);
    assert_eq!(content(&disk(&world, node), "a"), None);
    assert!(world.fired()[0].touched > 0);
}

#[test]
fn renames_and_removals_are_durable_only_with_their_directory() {
    let mut seen = BTreeSet::new();
    for seed in 0..30 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        old.create_directory("d".as_ref()).expect("must create");
        create(&old, "d/a", b"a").sync().expect("must sync");
        old.sync_directory("d".as_ref()).expect("must sync");
        old.rename("d/a".as_ref(), "d/b".as_ref()).expect("must rename");
        assert_eq!(old.list("d".as_ref()).expect("must list"), ["b"]);
        if seed % 2 == 0 {
            old.sync_directory("d".as_ref()).expect("must sync");
        }
        world.lose_power(node);
        world.restart(node);
        let names = disk(&world, node).list("d".as_ref()).expect("must list");
        if seed % 2 == 0 {
            assert_eq!(names, ["b"]);
        }
        seen.insert(names);
    }
    assert_eq!(seen.len(), 2, "an unsynced rename may or may not have happened, never both: {seen:?}");
}

#[test]
fn a_fault_fails_the_nth_operation_of_its_kind() {
    let (mut world, node) = world(2);
    let disk = disk(&world, node);
    let file = create(&disk, "a", b"0");
    world.apply(Fault::DiskFail { node, only: Some(DiskOperation::Write), after: 2, count: 1 });
    file.sync().expect("a sync is not a write");
    file.write_at(0, b"1").expect("the first");
    file.write_at(0, b"2").expect("the second");
    file.write_at(0, b"3").expect_err("the third fails");
    file.write_at(0, b"4").expect("only one fails");
    assert_eq!(world.fired()[0].touched, 1);
}

#[test]
fn after_a_failed_sync_a_second_one_does_not_bring_the_bytes_back() {
    let mut lost = 0;
    for seed in 0..20 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        let file = create(&old, "a", &[]);
        old.sync_directory("".as_ref()).expect("must sync");
        file.write_at(0, &[1; 512]).expect("must write");
        world.apply(Fault::DiskFail { node, only: Some(DiskOperation::Sync), after: 0, count: 1 });
        file.sync().expect_err("the sync fails");
        file.write_at(8_192, b"elsewhere").expect("must write");
        file.sync().expect("the second knows of the last write only");
        world.lose_power(node);
        world.restart(node);
        let found = content(&disk(&world, node), "a").expect("its name was synced");
        assert_eq!(&found[8_192..], b"elsewhere");
        lost += u32::from(found[..512] != [1; 512]);
    }
    assert!(lost > 0);
}

#[test]
fn after_a_sync_a_power_loss_changes_nothing_whatever_was_written_and_cut_before() {
    for seed in 0..500 {
        let (mut world, node) = world(seed);
        let old = disk(&world, node);
        let file = create(&old, "a", &[]);
        old.sync_directory("".as_ref()).expect("must sync");
        let mut dice = world.env(node).entropy("test");
        for number in 0..30 {
            let at = dice.next_u64() % 20_000;
            match dice.next_u64() % 5 {
                0 => file.set_len(at).expect("must cut or grow"),
                1 => file.sync().expect("must sync"),
                _ => file.write_at(at, &vec![number; 1 + at as usize % 6_000]).expect("must write"),
            }
        }
        file.sync().expect("must sync");
        let before = content(&old, "a");
        world.lose_power(node);
        world.restart(node);
        assert_eq!(content(&disk(&world, node), "a"), before, "seed {seed}");
    }
}

#[test]
fn a_full_disk_says_so_and_keeps_what_it_has() {
    let (mut world, node) = world(3);
    let disk = disk(&world, node);
    let file = create(&disk, "a", &[1; 1000]);
    world.apply(Fault::DiskCapacity { node, bytes: Some(1500) });
    let error = file.write_at(1000, &[2; 1000]).expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    file.write_at(0, &[3; 1000]).expect("overwriting needs no room");
    assert_eq!(world.fired()[0].touched, 1);
    world.apply(Fault::DiskCapacity { node, bytes: None });
    file.write_at(1000, &[2; 1000]).expect("there is room again");
}

#[test]
fn a_corrupted_byte_reads_back_wrong() {
    let (mut world, node) = world(4);
    let disk = disk(&world, node);
    let file = create(&disk, "/d.bin", b"right");
    file.sync().expect("must sync");
    world.apply(Fault::DiskCorrupt { node, path: "/d.bin".to_owned(), offset: 1 });
    assert_ne!(content(&disk, "d.bin").expect("must exist"), b"right");
    assert_eq!(world.fired()[0].touched, 1);
}

#[test]
fn blocking_work_reports_back_after_a_while() {
    let (mut world, node) = world(5);
    world.apply(Fault::SlowBlocking { node, extra_us: 50_000 });
    let env = world.env(node);
    let (value, panicked) = world.block_on(node, async move {
        let value = env.blocking("sum", || 1 + 1).await;
        (value, env.blocking("broken", || panic!("on purpose")).await)
    });
    assert_eq!(value, Ok(2));
    assert_eq!(panicked.expect_err("it panicked").0, "on purpose");
    assert!(world.now() >= Duration::from_millis(100));
    assert_eq!(world.fired()[0].touched, 2);
}
