//! Events and lines: what is written is what is read, however the bytes are cut.

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::line::{LineError, LineReader, LineWriter};
use super::sse;
use super::toy::{Toy, wires};

/// What a client makes of a stream, by the rules of the HTML standard: `(id, event, data)` of each event, and `retry`.
fn read_events(text: &[u8]) -> (Vec<(String, String, String)>, Option<u64>) {
    let (mut events, mut retry_ms) = (Vec::new(), None);
    let (mut id, mut event, mut data) = (String::new(), String::new(), None::<String>);
    for line in std::str::from_utf8(text).unwrap().split('\n') {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" if line.is_empty() => {
                if let Some(data) = data.take() {
                    events.push((id.clone(), std::mem::take(&mut event), data));
                }
            }
            "id" => id = value.to_owned(),
            "event" => event = value.to_owned(),
            "data" => data = Some(data.map_or(String::new(), |data| data + "\n") + value),
            "retry" => retry_ms = value.parse().ok(),
            _ => {}
        }
    }
    (events, retry_ms)
}

fn check_event(id: Option<&str>, event: Option<&str>, data: &str, expect: &str) {
    let bytes = sse::encode(id, event, &Bytes::copy_from_slice(data.as_bytes()));
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expect);
}

#[test]
fn an_event_is_one_line_of_data() {
    check_event(None, None, "{}", "data: {}\n\n");
    check_event(Some("0.7"), None, "{}", "id: 0.7\ndata: {}\n\n");
    check_event(None, Some("endpoint"), "/messages?s=1", "event: endpoint\ndata: /messages?s=1\n\n");
    check_event(
        Some("1"),
        Some("message"),
        "{\r\n \"a\":\n1}\r",
        "id: 1\nevent: message\ndata: { \"a\":1}\n\n",
    );
}

#[test]
fn a_stream_is_primed_by_an_id_without_data() {
    let (events, retry_ms) = read_events(&sse::prime("3.0", Some(1_000)));
    assert_eq!(events, [("3.0".to_owned(), String::new(), String::new())]);
    assert_eq!(retry_ms, Some(1_000));
    assert_eq!(read_events(&sse::prime("3.0", None)).1, None);
}

#[test]
fn a_pause_and_a_comment_deliver_nothing() {
    assert_eq!(read_events(&sse::retry(250)), (Vec::new(), Some(250)));
    assert_eq!(read_events(&sse::comment()), (Vec::new(), None));
}

/// What a reader makes of bytes that arrive in pieces of these lengths: lines, `long`, `cut 3`.
fn read_lines(text: &[u8], pieces: &[usize], message_bytes_max: usize) -> Vec<String> {
    let world = Toy::default();
    let (mut client, server) = wires(64);
    world.run(async {
        let write = async {
            let mut rest = text;
            for piece in pieces.iter().copied().chain(std::iter::repeat(64)) {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                client.write_all(now).await.unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
                crate::env::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let read = async {
            let mut reader = LineReader::new(server, message_bytes_max);
            let mut got = Vec::new();
            loop {
                match reader.next().await {
                    Ok(Some(line)) => got.push(String::from_utf8(line.to_vec()).unwrap()),
                    Ok(None) => return got,
                    Err(LineError::TooLong { .. }) => got.push("long".to_owned()),
                    Err(LineError::Truncated { len }) => got.push(format!("cut {len}")),
                    Err(LineError::Io(error)) => panic!("{error}"),
                }
            }
        };
        futures_util::future::join(write, read).await.1
    })
}

fn check_lines(text: &str, expect: &[&str]) {
    for pieces in [vec![], vec![1; 200], vec![3, 1, 7]] {
        assert_eq!(read_lines(text.as_bytes(), &pieces, 8), expect, "for {text:?} in {pieces:?}");
    }
}

#[test]
fn lines_end_with_lf_or_crlf_and_blank_ones_are_skipped() {
    check_lines("{}\n[1]\r\n\n\r\n  \n{\"a\":1}\n", &["{}", "[1]", "{\"a\":1}"]);
    check_lines("", &[]);
    check_lines("\n\n", &[]);
}

#[test]
fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
    check_lines("12345678\n", &["12345678"]);
    check_lines("12345678\r\n1\n", &["12345678", "1"]);
    check_lines("123456789\nok\n", &["long", "ok"]);
    check_lines("123456789\r\nok\n", &["long", "ok"]);
    check_lines(
        &format!("{}\nok\n{}\n{}\nend\n", "x".repeat(300), "y".repeat(9), "z".repeat(100)),
        &["long", "ok", "long", "long", "end"],
    );
}

#[test]
fn a_stream_that_ends_within_a_line_says_so() {
    check_lines("{}\n{\"a", &["{}", "cut 3"]);
    check_lines("{}\n\r", &["{}"]);
    check_lines("123456789012", &["long"]);
}

#[test]
fn a_browser_is_told_by_its_first_byte() {
    let check = |text: &'static str, expect: bool| {
        let world = Toy::default();
        let (mut client, server) = wires(64);
        world.run(async {
            client.write_all(text.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            let mut reader = LineReader::new(server, 64);
            assert_eq!(reader.first_byte_is_json().await.unwrap(), expect, "for {text:?}");
            if expect {
                assert_eq!(reader.next().await.unwrap().unwrap(), text.trim_end());
            }
        });
    };
    check("{\"jsonrpc\":\"2.0\"}\n", true);
    check("[1]\n", true);
    check("POST / HTTP/1.1\r\n", false);
    check(" {}\n", false);
    check("\n", false);
    check("", false);
}

#[test]
fn a_message_is_written_as_one_line_in_one_write() {
    let world = Toy::default();
    let (mut client, server) = wires(1_024);
    let writes = server.writes.clone();
    world.run(async {
        let mut writer = LineWriter::new(server);
        writer.write(b"{\n  \"a\":\r\n1}").await.unwrap();
        assert_eq!(writes.load(std::sync::atomic::Ordering::SeqCst), 1);
        writer.write(b"[]").await.unwrap();
        writer.shutdown().await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "{  \"a\":1}\n[]\n");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_one_event_without_its_line_breaks(data in "\\PC*[\\r\\n]{0,3}\\PC*", id in "[0-9.]{1,8}") {
        let bytes = sse::encode(Some(&id), None, &Bytes::copy_from_slice(data.as_bytes()));
        let expect = (id, String::new(), data.replace(['\r', '\n'], ""));
        prop_assert_eq!(read_events(&bytes).0, [expect]);
    }

    #[test]
    fn how_bytes_arrive_does_not_change_the_lines(
        text in "([a-z]{0,12}(\r?\n)){0,8}[a-z]{0,12}",
        pieces in prop::collection::vec(1usize..9, 0..40),
    ) {
        let whole = read_lines(text.as_bytes(), &[], 8);
        prop_assert_eq!(&read_lines(text.as_bytes(), &pieces, 8), &whole);
        let expect: Vec<String> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
            .filter(|line| !line.is_empty())
            .map(|line| if line.len() > 8 { "long".to_owned() } else { line.to_owned() }).collect();
        let cut = text.rsplit('\n').next().unwrap_or_default();
        let is_cut = !cut.is_empty() && cut.len() <= 8;
        let expect = if is_cut {
            expect[..expect.len() - 1].iter().cloned().chain([format!("cut {}", cut.len())]).collect()
        } else {
            expect
        };
        prop_assert_eq!(whole, expect);
    }
}
