//! Frames: what is written is read, in whichever pieces it comes; what is garbled is refused.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::config::{MeshLimits, Secret, WireRange};
use super::frame::{Assembly, FrameReader, Garbled, Head, Room, write_head};
use super::outgoing::{Batch, Queue};
use super::peer::Refusal;
use super::proof::{Step, is_proof, prove};

fn head() -> impl Strategy<Value = Head> {
    let whole = any::<u32>();
    prop_oneof![
        (any::<u64>(), whole, any::<bool>()).prop_map(|(id, whole, is_patient)| Head::Request {
            id,
            whole,
            is_patient
        }),
        (any::<u64>(), any::<u32>()).prop_map(|(id, whole)| Head::Answer { id, whole }),
        any::<u32>().prop_map(|whole| Head::Tell { whole }),
        any::<u64>()
            .prop_map(|id| Head::Refuse { id, refusal: Refusal::Version(WireRange { min: 3, max: 9 }) }),
        Just(Head::More),
        Just(Head::Ping),
        Just(Head::Rest),
    ]
}

/// A stream that gives its bytes in pieces of these sizes, then ends.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: &'a [usize],
    next: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let size = self.sizes[self.next % self.sizes.len()].min(out.remaining()).min(self.bytes.len());
        self.next += 1;
        let (now, later) = self.bytes.split_at(size);
        out.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

/// Everything that is read of these bytes, until their end or the first that is garbled.
fn read(bytes: &[u8], sizes: &[usize], frame_bytes_max: usize) -> (Vec<(Head, Bytes)>, bool, FrameReader) {
    let mut reader = FrameReader::new(frame_bytes_max);
    let mut stream = Pieces { bytes, sizes, next: 0 };
    let mut frames = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    // There is room for two frames at a time.
    let mut take = |head, body| {
        frames.push((head, body));
        Ok(if frames.len() % 2 == 0 { Room::None } else { Room::Some })
    };
    loop {
        if reader.is_holding() {
            if reader.resume(&mut take).is_err() {
                return (frames, false, reader);
            }
            continue;
        }
        let read = reader.poll_read(&mut cx, &mut stream, &mut take);
        match read {
            Poll::Ready(Ok(0)) => return (frames, true, reader),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return (frames, false, reader),
            Poll::Pending => unreachable!("the stream never waits"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_whichever_pieces_it_comes(
        frames in vec((head(), prop_oneof![4 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 20_000..60_000)]), 0..12),
        sizes in vec(prop_oneof![1..8_usize, 100..40_000_usize], 1..6),
    ) {
        let mut wire = BytesMut::new();
        for (head, body) in &frames {
            write_head(&mut wire, head, body.len());
            wire.extend_from_slice(body);
        }
        let (got, is_whole, reader) = read(&wire, &sizes, 100_000);
        prop_assert!(is_whole);
        prop_assert_eq!(reader.held_bytes(), 0, "an idle reader must hold no buffer");
        let got: Vec<(Head, Vec<u8>)> = got.into_iter().map(|(head, body)| (head, body.to_vec())).collect();
        prop_assert_eq!(got, frames);
    }

    #[test]
    fn garbage_never_panics_nor_makes_the_reader_hold_more_than_a_frame(
        bytes in vec(any::<u8>(), 0..2_000),
        sizes in vec(1..3_000_usize, 1..4),
    ) {
        let (frames, _, reader) = read(&bytes, &sizes, 1_000);
        prop_assert!(reader.held_bytes() <= 2 * (1_000 + 4));
        prop_assert!(frames.iter().all(|(_, body)| body.len() <= 1_000));
    }

    #[test]
    fn pieces_in_any_order_never_panic_nor_pass_the_bound(
        frames in vec((head(), vec(any::<u8>(), 0..100)), 0..40),
    ) {
        let mut assembly = Assembly::new(500);
        for (head, body) in frames {
            match assembly.take(head, Bytes::from(body)) {
                Ok(Some((_, whole))) => prop_assert!(whole.len() <= 500),
                Ok(None) => {}
                Err(_) => break,
            }
        }
    }

    #[test]
    fn what_is_queued_arrives_whole_with_short_bodies_between_the_pieces_of_long_ones(
        bodies in vec(prop_oneof![4 => 0..50_usize, 1 => 200..3_000_usize], 1..40),
        sizes in vec(1..500_usize, 1..4),
    ) {
        let limits = MeshLimits { chunk_bytes: 100, frame_bytes_max: 200, ..MeshLimits::DEFAULT };
        let mut queue = Queue::new(&limits);
        for (at, len) in bodies.iter().enumerate() {
            let head = Head::Answer { id: at as u64, whole: *len as u32 };
            assert!(queue.offer(head, Bytes::from(vec![at as u8; *len]), 1));
        }
        let wire = drain(&mut queue);
        prop_assert_eq!(queue.bytes(), 0);
        let (frames, is_whole, _) = read(&wire, &sizes, limits.frame_bytes_max);
        prop_assert!(is_whole);
        let mut assembly = Assembly::new(limits.body_bytes_max);
        let mut came = Vec::new();
        for (head, body) in frames {
            if let Some((Head::Answer { id, .. }, body)) = assembly.take(head, body).expect("must add up") {
                prop_assert!(body.iter().all(|byte| *byte == id as u8));
                came.push((id as usize, body.len()));
            }
        }
        came.sort_unstable();
        prop_assert_eq!(came, bodies.into_iter().enumerate().collect::<Vec<_>>());
    }
}

/// All that a queue has, as its stream would see it.
fn drain(queue: &mut Queue) -> Vec<u8> {
    struct Sink(Vec<u8>);
    impl tokio::io::AsyncWrite for Sink {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            let taken = bytes.len().min(777);
            self.0.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let (mut sink, mut batch) = (Sink(Vec::new()), Batch::default());
    let mut cx = Context::from_waker(Waker::noop());
    while queue.fill(&mut batch, |_| true) {
        while !batch.is_empty() {
            assert!(batch.poll_write(&mut cx, &mut sink).is_ready());
        }
    }
    sink.0
}

#[test]
fn the_length_is_written_as_tokio_utils_codec_writes_it() {
    use tokio_util::codec::{Decoder, LengthDelimitedCodec};
    let mut wire = BytesMut::new();
    write_head(&mut wire, &Head::Tell { whole: 5 }, 5);
    wire.extend_from_slice(b"hello");
    let frame =
        LengthDelimitedCodec::new().decode(&mut wire).expect("must be in order").expect("must be whole");
    assert!(frame.ends_with(b"hello"));
    assert!(wire.is_empty());
}

#[test]
fn a_frame_that_announces_too_much_is_refused_before_it_is_held() {
    let mut reader = FrameReader::new(1_000);
    let garbled = reader.feed(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3], &mut |_, _| Ok(Room::Some));
    assert_eq!(garbled, Err(Garbled::TooLong(0xffff_ffff)));
    assert!(reader.held_bytes() < 100);
}

#[test]
fn a_proof_is_good_for_its_step_its_parts_its_secret_and_its_shield_only() {
    let (secret, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
    let proof = prove(&secret, Step::Hello, &[b"ab", b"c"]);
    assert!(is_proof(&secret, Step::Hello, &[b"ab", b"c"], &proof));
    assert!(!is_proof(&secret, Step::Reply, &[b"ab", b"c"], &proof));
    assert!(!is_proof(&secret, Step::Hello, &[b"a", b"bc"], &proof));
    assert!(!is_proof(&secret, Step::Hello, &[b"abc"], &proof));
    assert!(!is_proof(&other, Step::Hello, &[b"ab", b"c"], &proof));
    assert!(!is_proof(&secret, Step::Hello, &[b"ab", b"c"], &proof[..31]));
    let (inside, elsewhere) = (secret.within(&[1; 32]), secret.within(&[2; 32]));
    assert!(!is_proof(&inside, Step::Hello, &[b"ab", b"c"], &proof));
    let proof = prove(&inside, Step::Hello, &[b"ab", b"c"]);
    assert!(is_proof(&secret.within(&[1; 32]), Step::Hello, &[b"ab", b"c"], &proof));
    assert!(!is_proof(&elsewhere, Step::Hello, &[b"ab", b"c"], &proof));
    assert!(!is_proof(&other.within(&[1; 32]), Step::Hello, &[b"ab", b"c"], &proof));
}

#[test]
fn versions_agree_on_the_highest_that_both_know() {
    let range = |min, max| WireRange { min, max };
    assert_eq!(range(1, 1).common(range(1, 2)), Some(1));
    assert_eq!(range(1, 3).common(range(2, 9)), Some(3));
    assert_eq!(range(1, 1).common(range(2, 2)), None);
    assert_eq!(range(4, 5).common(range(1, 3)), None);
}

#[test]
fn limits_that_contradict_each_other_are_named() {
    let check = |limits: MeshLimits, expect: &str| {
        let conflict = limits.conflict().unwrap_or("none");
        assert!(conflict.contains(expect), "{conflict} instead of {expect}");
    };
    let base = MeshLimits::DEFAULT;
    check(base, "none");
    check(MeshLimits { chunk_bytes: base.frame_bytes_max, ..base }, "chunk");
    check(MeshLimits { ping_ms: 3_000, ..base }, "ping_ms");
    check(MeshLimits { silent_ms_max: 20_000, ..base }, "silent_ms_max");
    check(MeshLimits { pending_len_max: 0, ..base }, "pending_len_max");
    check(MeshLimits { redial_ms_min: 5_000, ..base }, "redial_ms_min");
}
