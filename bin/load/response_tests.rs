//! Answers of every framing, cut at every byte.

use super::*;

fn decode(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(Head, Vec<u8>), Malformed> {
    let mut decoder = Decoder::new();
    for piece in pieces {
        decoder.feed(piece.as_ref())?;
    }
    decoder.end();
    assert!(decoder.is_done(), "the response must be complete");
    let head = decoder.head().expect("a complete response must have a head").clone();
    Ok((head, decoder.body().to_vec()))
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
    Transfer-Encoding: chunked\r\nMcp-Session-Id: abc\r\n\r\n5\r\ndata:\r\n4;x=y\r\n {}\n\r\n0\r\nTrailer: 1\r\n\r\n";

#[test]
fn a_response_is_the_same_in_one_piece_and_byte_by_byte() {
    let (head, body) = decode([CHUNKED]).expect("well formed");
    assert_eq!(body, b"data: {}\n");
    assert!(head.events && head.reusable);
    assert_eq!(head.session.as_deref(), Some("abc"));
    assert_eq!(decode(CHUNKED.chunks(1)), Ok((head, body)));
}

#[test]
fn each_framing_ends_where_it_should() {
    let (head, body) = decode(["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", "}"]).expect("well formed");
    assert_eq!((head.framing, head.reusable, body.as_slice()), (Framing::Length(2), true, &b"{}"[..]));
    let (head, body) = decode(["HTTP/1.1 200 OK\r\n\r\nuntil", " the end"]).expect("well formed");
    assert_eq!((head.reusable, body.as_slice()), (false, &b"until the end"[..]));
    let (head, _) = decode(["HTTP/1.1 204 No Content\r\n\r\n"]).expect("well formed");
    assert_eq!(head.framing, Framing::Length(0));
    let (head, _) = decode(["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n"])
        .expect("well formed");
    assert_eq!((head.status, head.reusable), (202, false));
}

#[test]
fn what_is_not_a_response_is_refused() {
    for bad in [
        "SSH-2.0-OpenSSH_9\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
    ] {
        assert_eq!(Decoder::new().feed(bad.as_bytes()), Err(Malformed), "{bad}");
    }
}

#[test]
fn a_whole_response_is_recognised_and_a_partial_one_is_left_to_the_decoder() {
    let mut memory = HeadMemory::default();
    let first = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    for _ in 0..2 {
        let (head, body) = whole(&mut memory, first).expect("complete");
        assert_eq!((head.status, body), (200, &b"{}"[..]));
    }
    assert!(whole(&mut memory, &first[..first.len() - 1]).is_none());
    assert!(whole(&mut memory, CHUNKED).is_none());
    let (head, _) = whole(&mut memory, b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").expect("complete");
    assert_eq!(head.status, 503);
}
