//! What goes over the wire: heads, lengths, dates, streams, and what hyper answers by itself.

use super::*;

#[test]
fn an_answer_has_a_length_and_the_date_of_this_world_and_leaves_in_one_write() {
    bench().run(async |bench| {
        bench.send(&post("/echo", "hello")).await;
        let answer = bench.receive_until("hello").await;
        assert_eq!(
            answer,
            "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 5\r\n\r\nhello"
        );
        assert_eq!(bench.server_writes.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn one_connection_carries_many_requests_and_asks_for_one_timer() {
    bench().run(async |bench| {
        for n in 0..100 {
            bench.send(&post("/echo", &format!("body {n}."))).await;
            bench.receive_until(&format!("body {n}.")).await;
        }
        assert_eq!(bench.world.timers_made(), 1);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    bench().run(async |bench| {
        bench.send(&(post("/echo", "one") + &post("/echo", "two"))).await;
        let answers = bench.receive_until("two").await;
        assert!(answers.contains("one"), "{answers}");
    });
}

#[test]
fn the_first_event_of_a_stream_leaves_together_with_its_head() {
    bench().run(async |bench| {
        bench.chunks.send(Bytes::from_static(b"data: 1\n\n")).await.unwrap();
        bench.send(&get("/stream")).await;
        let answer = bench.receive_until("data: 1\n\n\r\n").await;
        assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
        assert_eq!(bench.server_writes.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_stream_ends_the_answer_and_the_connection_goes_on() {
    bench().run(async |bench| {
        bench.send(&get("/stream")).await;
        bench.chunks.send(Bytes::from_static(b"x")).await.unwrap();
        bench.receive_until("1\r\nx\r\n").await;
        bench.chunks = mpsc::channel(1).0;
        bench.receive_until("0\r\n\r\n").await;
        bench.send(&post("/echo", "again")).await;
        bench.receive_until("again").await;
    });
}

#[test]
fn a_peer_that_hangs_up_drops_the_call_where_it_stands() {
    bench().run(async |bench| {
        bench.send(&get("/never")).await;
        bench.world.sleep_ms(5).await;
        assert_eq!(bench.dropped.load(Ordering::SeqCst), 0);
        bench.client.shutdown().await.unwrap();
        assert!(matches!(bench.ended().await, End::Broken(_)));
        assert_eq!(bench.dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_peer_that_hangs_up_drops_the_stream_it_was_reading() {
    bench().run(async |bench| {
        bench.send(&get("/stream")).await;
        bench.receive_until("\r\n\r\n").await;
        bench.client.shutdown().await.unwrap();
        bench.ended().await;
        assert_eq!(bench.dropped.load(Ordering::SeqCst), 1);
    });
}

fn check_refused_by_hyper(request: &str, expect: &str) {
    let answer = bench().run(async |bench| {
        bench.send(request).await;
        bench.receive_all().await
    });
    assert_eq!(answer.lines().next().unwrap_or_default(), expect, "for {request:.60}");
}

#[test]
fn what_is_not_http_is_answered_by_hyper_and_closed() {
    let head = |lines: &str| format!("POST /echo HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n");
    check_refused_by_hyper("{\"jsonrpc\":\"2.0\"}\r\n\r\n", "HTTP/1.1 400 Bad Request");
    check_refused_by_hyper("GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 400 Bad Request");
    check_refused_by_hyper(&head("a b: 1\r\n"), "HTTP/1.1 400 Bad Request");
    check_refused_by_hyper(&head("content-length: 1x\r\n"), "HTTP/1.1 400 Bad Request");
    check_refused_by_hyper(&head("content-length: 1\r\ncontent-length: 2\r\n"), "HTTP/1.1 400 Bad Request");
    check_refused_by_hyper(&head("transfer-encoding: gzip\r\n"), "HTTP/1.1 400 Bad Request");
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
    check_refused_by_hyper(&head(&format!("a: {}\r\n", "x".repeat(20_000))), too_large);
    check_refused_by_hyper(&head(&"a: 1\r\n".repeat(101)), too_large);
    check_refused_by_hyper("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "");
}

#[test]
fn a_length_beside_chunks_is_not_believed() {
    // Two readers of such a request may disagree where it ends; hyper takes the chunks and forgets the length.
    bench().run(async |bench| {
        bench
            .send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .await;
        bench.receive_until("hello").await;
    });
}

#[test]
fn a_full_node_answers_503_and_lets_it_be_read() {
    let world = Toy::default();
    let (mut client, server) = wires(64 * 1024);
    world.run(async {
        let env = world.clone();
        world.spawn("refuse", async move { refuse(&env, server, &Limits::DEFAULT).await });
        client.write_all(post("/echo", "hello").as_bytes()).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert_eq!(world.now_ms(), 0);
    });
}

#[test]
fn a_full_node_does_not_wait_for_a_peer_that_stays() {
    let world = Toy::default();
    let (_client, server) = wires(16);
    world.run(refuse(&world, server, &Limits::DEFAULT));
    assert_eq!(world.now_ms(), 1_000);
    let (mut client, server) = wires(64 * 1024);
    world.run(async {
        let read = async {
            let mut text = String::new();
            client.read_to_string(&mut text).await.unwrap();
            // Had the server closed on this, the reset could have overtaken its answer.
            client.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
            client.shutdown().await.unwrap();
        };
        futures_util::future::join(read, refuse(&world, server, &Limits::DEFAULT)).await;
    });
    assert_eq!(world.now_ms(), 1_000);
}
