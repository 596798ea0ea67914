//! Each fault on the wire and its status.

use super::*;
use crate::jsonrpc::error_message;

const OLD: Revision = Revision::V2025_11_25;
const NEW: Revision = Revision::V2026_07_28;

fn wire(fault: &Fault) -> String {
    let text = error_message(None, &fault.to_object());
    let text = std::str::from_utf8(&text).expect("UTF-8");
    text.strip_prefix(r#"{"jsonrpc":"2.0","id":null,"error":"#)
        .expect("an error")
        .trim_end_matches('}')
        .into()
}

#[test]
fn each_fault_is_its_code_its_data_and_its_status_in_either_era() {
    let check = |fault: Fault, text: &str, old: u16, new: u16| {
        assert_eq!(wire(&fault), text.trim_end_matches('}'));
        assert_eq!((fault.http_status(OLD), fault.http_status(NEW)), (old, new), "{text}");
    };
    let raw = |text: &'static str| Raw::parse(text.into()).expect("JSON");
    check(Fault::parse_error("bad"), r#"{"code":-32700,"message":"bad"}"#, 400, 400);
    check(Fault::invalid_request("bad"), r#"{"code":-32600,"message":"bad"}"#, 400, 400);
    check(Fault::method_not_found("x/y"), r#"{"code":-32601,"message":"Method not found: x/y"}"#, 200, 404);
    check(Fault::invalid_params("`a`"), r#"{"code":-32602,"message":"`a`"}"#, 200, 200);
    check(Fault::malformed_meta("`a`"), r#"{"code":-32602,"message":"`a`"}"#, 400, 400);
    check(Fault::internal(), r#"{"code":-32603,"message":"Internal error"}"#, 200, 200);
    check(
        Fault::resource_not_found(OLD, "a:b"),
        r#"{"code":-32002,"message":"Resource not found","data":{"uri":"a:b"}}"#,
        200,
        200,
    );
    check(
        Fault::resource_not_found(NEW, "a:b"),
        r#"{"code":-32602,"message":"Resource not found","data":{"uri":"a:b"}}"#,
        200,
        200,
    );
    check(Fault::header_mismatch("h"), r#"{"code":-32020,"message":"h"}"#, 400, 400);
    check(
        Fault::missing_capability(raw(r#"{"sampling":{}}"#)),
        r#"{"code":-32021,"message":"Missing required client capability","data":{"requiredCapabilities":{"sampling":{}}}}"#,
        400,
        400,
    );
    check(
        Fault::unsupported_version("v9"),
        r#"{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"v9"}}"#,
        400,
        400,
    );
    check(
        Fault::url_elicitation_required(raw("[]")),
        r#"{"code":-32042,"message":"This request needs the user to visit a URL first","data":{"elicitations":[]}}"#,
        200,
        200,
    );
    check(Fault::session_not_found(), r#"{"code":-32600,"message":"Session not found"}"#, 404, 404);
    check(Fault::timed_out(), r#"{"code":504,"message":"The request took too long"}"#, 200, 200);
    check(Fault::overloaded("full"), r#"{"code":429,"message":"full"}"#, 503, 503);
    check(Fault::shutting_down(), r#"{"code":503,"message":"This node is shutting down"}"#, 503, 503);
}

#[test]
fn a_text_that_is_no_message_becomes_the_fault_of_its_code() {
    let fault = Fault::from(Malformed::NotMessage { reason: "why".into(), id: None });
    assert_eq!((fault.code, fault.message.as_str()), (-32600, "Invalid Request: why"));
    assert_eq!(Fault::from(Malformed::NotJson("x".into())).code, -32700);
}

#[test]
fn our_own_codes_are_outside_the_range_that_json_rpc_reserves() {
    for code in [code::OVERLOADED, code::SHUTTING_DOWN, code::TIMED_OUT] {
        assert!(!(-32768..=-32000).contains(&code));
    }
}
