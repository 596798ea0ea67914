//! Bodies of requests: whole, in pieces, too large, too slow, broken off.

use super::*;

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn a_body_in_pieces_is_read_whole() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\n").await;
        for piece in ["ab", "c", "def"] {
            bench.world.sleep_ms(10).await;
            bench.send(piece).await;
        }
        bench.receive_until("abcdef").await;
    });
}

#[test]
fn a_chunked_body_is_read_whole_and_its_trailers_are_skipped() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
        bench.send("3\r\nabc\r\n").await;
        bench.world.sleep_ms(10).await;
        bench.send("3\r\ndef\r\n0\r\na: b\r\n\r\n").await;
        bench.receive_until("abcdef").await;
        bench.send(&post("/echo", "again")).await;
        bench.receive_until("again").await;
    });
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    bench().run(async |bench| {
        bench
            .send("POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            .await;
        bench.receive_until("HTTP/1.1 100 Continue\r\n\r\n").await;
        bench.send("ok").await;
        bench.receive_until("ok").await;
    });
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_body_comes() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1001\r\n\r\n").await;
        let answer = bench.receive_until("the body is larger than 1000 bytes").await;
        assert_eq!(status(&answer), "413");
        assert_eq!(bench.world.now_ms(), 0);
    });
}

#[test]
fn a_body_of_exactly_the_limit_is_taken() {
    bench().run(async |bench| {
        let body = "x".repeat(BODY_BYTES_MAX);
        bench.send(&post("/echo", &body)).await;
        bench.receive_until(&body).await;
    });
}

#[test]
fn chunks_that_pass_the_limit_are_refused_when_they_do() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
        bench.send(&chunk).await;
        bench.world.sleep_ms(10).await;
        bench.send(&chunk).await;
        let answer = bench.receive_until("the body is larger than 1000 bytes").await;
        assert_eq!(status(&answer), "413");
    });
}

#[test]
fn a_single_chunk_that_passes_the_limit_is_refused_too() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
        bench.send(&format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1_001))).await;
        let answer = bench.receive_until("the body is larger than 1000 bytes").await;
        assert_eq!(status(&answer), "413");
    });
}

#[test]
fn a_refusal_is_read_although_the_body_still_comes() {
    bench_with(Limits::DEFAULT, 512).run(async |bench| {
        bench.send("POST /unread HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n").await;
        let (mut reader, mut writer) = tokio::io::split(std::mem::replace(&mut bench.client, wires(1).0));
        bench.world.spawn("writer", async move {
            let _ = writer.write_all(&[b'x'; 100_000]).await;
            let _ = writer.shutdown().await;
        });
        let mut answer = String::new();
        reader.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), "403");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(matches!(bench.ended().await, End::Closed));
    });
}

#[test]
fn a_peer_that_keeps_sending_after_a_refusal_is_left_after_a_second() {
    bench_with(Limits::DEFAULT, 512).run(async |bench| {
        bench.send("POST /unread HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n").await;
        assert_eq!(status(&bench.receive_all().await), "403");
        assert!(matches!(bench.ended().await, End::Closed));
        bench.assert_at_ms(1_000);
    });
}

#[test]
fn a_body_that_breaks_off_ends_the_connection() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nabc").await;
        bench.world.sleep_ms(10).await;
        bench.client.shutdown().await.unwrap();
        bench.ended().await;
        assert_eq!(bench.world.now_ms(), 11);
    });
}

#[test]
fn chunks_that_are_none_are_answered_400() {
    bench().run(async |bench| {
        bench.send("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n").await;
        let answer = bench.receive_all().await;
        assert_eq!(status(&answer), "400");
    });
}

#[test]
fn a_body_that_is_held_already_reads_the_same() {
    let world = Toy::default();
    world.run(async {
        let read = |bytes: &'static [u8], max| RequestBody::held(Bytes::from_static(bytes)).read(max);
        assert_eq!(read(b"abc", 3).await, Ok(Bytes::from_static(b"abc")));
        assert_eq!(read(b"abc", 2).await, Err(BodyError::TooLarge { message_bytes_max: 2 }));
        assert_eq!(read(b"", 2).await, Ok(Bytes::new()));
    });
}
