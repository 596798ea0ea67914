//! What is a message, what is not, and what error each refusal is.

use bytes::Bytes;

use super::*;

fn check(text: &str, expect: &str) {
    let got = match parse(&Bytes::copy_from_slice(text.as_bytes()), 8, 3) {
        Ok(Incoming::One(message)) => describe(&message),
        Ok(Incoming::Batch(entries)) => entries
            .iter()
            .map(|entry| entry.as_ref().map_or_else(|e| e.code().to_string(), describe))
            .collect::<Vec<_>>()
            .join(" | "),
        Err(error) => format!("{} {:?}", error.code(), error.id()),
    };
    assert_eq!(got, expect, "for {text}");
}

fn describe(message: &Message) -> String {
    match message {
        Message::Request(r) => format!("request {} {} {:?}", r.id, r.method, r.params),
        Message::Notification(n) => format!("notification {} {:?}", n.method, n.params),
        Message::Answer(a) => format!("answer {} {:?}", a.id, a.outcome),
    }
}

#[test]
fn every_shape_of_message_is_told_apart() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping {}");
    check(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":[1]}}"#, r#"request a m {"x":[1]}"#);
    check(r#"{"jsonrpc":"2.0","method":"n","params":{}}"#, "notification n {}");
    check(r#"{"jsonrpc":"2.0","id":7,"result":{"ok":1}}"#, r#"answer 7 Ok({"ok":1})"#);
    check(r#"{"jsonrpc":"2.0","id":7,"error":{"code":1}}"#, r#"answer 7 Err({"code":1})"#);
    check(r#"{"jsonrpc":"2.0","id":1,"method":"t\u0061p"}"#, "request 1 tap {}");
}

#[test]
fn a_batch_judges_each_entry_by_itself() {
    check(r#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"id":2}]"#, "request 1 a {} | -32600");
    check("[]", "-32600 None");
    check("[1,2,3,4]", "-32600 None");
}

#[test]
fn what_is_no_json_is_a_parse_error_and_what_is_no_message_an_invalid_request() {
    check("{", "-32700 None");
    check("nonsense", "-32700 None");
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"} trailing"#, "-32700 None");
    check(r#"{"id":1,"method":"a"}"#, "-32600 Some(Number(1))");
    check(r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, "-32600 Some(Number(1))");
    check(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, "-32600 None");
    check(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, "-32600 None");
    check(r#"{"jsonrpc":"2.0","id":4,"method":7}"#, "-32600 Some(Number(4))");
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, "-32600 Some(Number(1))");
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#, "-32600 Some(Number(1))");
    check("3", "-32600 None");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, "-32600 Some(Number(1))");
    check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, "-32600 None");
}

#[test]
fn nesting_is_bounded_also_where_the_text_is_only_carried() {
    let deep = |n: usize| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"x":{}{}}}}}"#,
            "[".repeat(n),
            "]".repeat(n)
        )
    };
    assert!(parse_one(&Bytes::from(deep(6)), 8).is_ok());
    assert_eq!(parse_one(&Bytes::from(deep(7)), 8), Err(Malformed::TooDeep(TooDeep { depth_max: 8 })));
    assert!(scan(&[b'['; 1_000_000], 64).is_err());
    assert!(scan(br#"{"a":"[[[[[[[[[[[[[[[[[[\"[[[["}"#, 2).is_ok());
}

#[test]
fn bytes_that_are_not_utf8_are_a_parse_error() {
    let text = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
    assert_eq!(parse_one(&text, 8).map_err(|e| e.code()), Err(-32700));
    let carried =
        Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":{\"x\":\"\xff\"}}");
    assert_eq!(parse_one(&carried, 8).map_err(|e| e.code()), Err(-32700));
}
