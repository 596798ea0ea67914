//! The deadlines of a connection, each seen to fire, and not to fire where it must not.

use super::*;

#[test]
fn a_head_that_drips_in_is_cut_ten_seconds_after_its_first_byte() {
    bench().run(async |bench| {
        bench.world.sleep_ms(60_000).await;
        for byte in get("/echo").repeat(10).bytes() {
            if bench.client.write_all(&[byte]).await.is_err() || bench.end.lock().unwrap().is_some() {
                break;
            }
            bench.world.sleep_ms(900).await;
        }
        assert!(matches!(bench.ended().await, End::SlowHead));
        assert!((70_000..71_000).contains(&bench.world.now_ms()), "at {}", bench.world.now_ms());
    });
}

#[test]
fn a_connection_that_never_speaks_is_idle() {
    bench().run(async |bench| {
        assert!(matches!(bench.ended().await, End::Idle));
        bench.assert_at_ms(300_000);
    });
}

#[test]
fn a_connection_is_idle_from_its_last_answer_on() {
    bench().run(async |bench| {
        for _ in 0..3 {
            bench.world.sleep_ms(200_000).await;
            bench.send(&post("/echo", "here")).await;
            bench.receive_until("here").await;
        }
        assert!(matches!(bench.ended().await, End::Idle));
        bench.assert_at_ms(900_000);
    });
}

#[test]
fn a_long_call_is_not_idle() {
    bench().run(async |bench| {
        bench.send(&get("/slow")).await;
        bench.receive_until("late").await;
        assert_eq!(bench.world.now_ms(), 1_000_000);
        assert!(matches!(bench.ended().await, End::Idle));
        bench.assert_at_ms(1_300_000);
    });
}

#[test]
fn an_open_stream_is_not_idle_until_it_has_ended() {
    bench().run(async |bench| {
        bench.send(&get("/stream")).await;
        bench.receive_until("\r\n\r\n").await;
        bench.world.sleep_ms(5_000_000).await;
        bench.chunks = mpsc::channel(1).0;
        bench.receive_until("0\r\n\r\n").await;
        assert!(matches!(bench.ended().await, End::Idle));
        bench.assert_at_ms(5_300_000);
    });
}

#[test]
fn a_body_that_drips_in_is_answered_408() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\n").await;
        for _ in 0..29 {
            bench.send("x").await;
            bench.world.sleep_ms(1_000).await;
        }
        let answer = bench.receive_all().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(bench.world.now_ms(), 30_000);
    });
}

#[test]
fn a_head_in_two_pieces_and_a_body_in_two_pieces_cost_few_timers() {
    bench().run(async |bench| {
        for _ in 0..50 {
            let text = post("/echo", "abcdef");
            for piece in [&text[..10], &text[10..text.len() - 3], &text[text.len() - 3..]] {
                bench.send(piece).await;
                bench.world.sleep_ms(1).await;
            }
            bench.receive_until("abcdef").await;
        }
        // 150 of them are the sleeps of this test.
        assert!(bench.world.timers_made() <= 153, "{}", bench.world.timers_made());
    });
}

#[test]
fn a_peer_that_takes_nothing_is_cut_and_its_stream_dropped() {
    bench_with(Limits::DEFAULT, 256).run(async |bench| {
        bench.send(&get("/stream")).await;
        for _ in 0..10 {
            bench.chunks.send(Bytes::from(vec![b'x'; 1_000])).await.unwrap();
        }
        assert!(matches!(bench.ended().await, End::Stalled));
        assert_eq!(bench.dropped.load(Ordering::SeqCst), 1);
        bench.assert_at_ms(30_000);
    });
}

#[test]
fn a_peer_that_takes_a_little_now_and_then_is_not_cut() {
    bench_with(Limits::DEFAULT, 256).run(async |bench| {
        bench.send(&get("/stream")).await;
        bench.chunks.send(Bytes::from(vec![b'x'; 5_000])).await.unwrap();
        for _ in 0..10 {
            bench.world.sleep_ms(20_000).await;
            let mut bytes = [0; 200];
            bench.client.read_exact(&mut bytes).await.unwrap();
        }
        assert!(bench.end.lock().unwrap().is_none());
    });
}

#[test]
fn told_to_close_an_idle_connection_closes_at_once() {
    bench().run(async |bench| {
        bench.send(&post("/echo", "hello")).await;
        bench.receive_until("hello").await;
        bench.close.take().unwrap().send(()).unwrap();
        assert_eq!(bench.receive_all().await, "");
        assert!(matches!(bench.ended().await, End::Closed));
        assert_eq!(bench.world.now_ms(), 0);
    });
}

#[test]
fn told_to_close_a_call_under_way_is_finished_and_its_answer_says_close() {
    bench_with(Limits { drain_ms_max: 2_000_000, ..Limits::DEFAULT }, 4_096).run(async |bench| {
        bench.send(&get("/slow")).await;
        bench.world.sleep_ms(5).await;
        bench.close.take().unwrap().send(()).unwrap();
        let answer = bench.receive_all().await;
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("late"), "{answer}");
        assert!(matches!(bench.ended().await, End::Closed));
    });
}

#[test]
fn told_to_close_what_does_not_end_is_cut_after_the_time_to_drain() {
    bench().run(async |bench| {
        bench.send(&get("/never")).await;
        bench.world.sleep_ms(5).await;
        bench.close.take().unwrap().send(()).unwrap();
        assert!(matches!(bench.ended().await, End::Undrained));
        assert_eq!(bench.dropped.load(Ordering::SeqCst), 1);
        bench.assert_at_ms(10_005);
    });
}
