//! The cases of SEP-2243's tables and of the conformance suite, and those between them.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::jsonrpc::Raw;

fn raw(text: &str) -> Raw {
    Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON")
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    map
}

fn show(outcome: Result<(), Fault>) -> String {
    match outcome {
        Ok(()) => "fits".into(),
        Err(fault) => {
            assert_eq!((fault.code, fault.http_status(super::super::Revision::V2026_07_28)), (-32020, 400));
            fault.message
        }
    }
}

#[test]
fn method_and_name_must_say_what_the_body_says() {
    let check = |method: &str, params: &str, headers: &[(&str, &str)], expect: &str| {
        assert_eq!(show(check_request(&map(headers), method, &raw(params))), expect, "{method} {headers:?}");
    };
    let differs = "Mcp-Method header does not match `the method` in the body";
    check("tools/list", "{}", &[("Mcp-Method", "tools/list")], "fits");
    check("tools/list", "{}", &[("mcp-method", " tools/list ")], "fits");
    check("tools/list", "{}", &[("MCP-METHOD", "tools/list")], "fits");
    check("tools/list", "{}", &[("Mcp-Method", "prompts/list")], differs);
    check("tools/list", "{}", &[("Mcp-Method", "TOOLS/LIST")], differs);
    check("tools/list", "{}", &[], "Mcp-Method header is missing");
    let twice = &[("Mcp-Method", "tools/list"), ("Mcp-Method", "tools/list")];
    check("tools/list", "{}", twice, "Mcp-Method header stands twice");
    check("tools/list", "{}", &[("Mcp-Method", "tools/list"), ("Mcp-Name", "whatever")], "fits");

    let named = |method: &str, params: &str, name: Option<&str>, expect: &str| {
        let mut headers = vec![("Mcp-Method", method)];
        headers.extend(name.map(|name| ("Mcp-Name", name)));
        check(method, params, &headers, expect);
    };
    let differs = "Mcp-Name header does not match `name` in the body";
    named("tools/call", r#"{"name":"foo"}"#, Some("foo"), "fits");
    named("tools/call", r#"{"name":"foo"}"#, Some("  foo  "), "fits");
    named("tools/call", r#"{"name":"foo"}"#, Some("bar"), differs);
    named("tools/call", r#"{"name":"foo"}"#, None, "Mcp-Name header is missing");
    named("tools/call", "{}", Some("foo"), differs);
    named("tools/call", "{}", None, "fits");
    named("tools/call", r#"{"name":7}"#, Some("7"), differs);
    named("prompts/get", r#"{"name":"p\u0031"}"#, Some("p1"), "fits");
    named("resources/read", r#"{"uri":"file:///a%20b?c=1"}"#, Some("file:///a%20b?c=1"), "fits");
    named("tasks/get", r#"{"taskId":"t"}"#, Some("t"), "fits");
    named(
        "tasks/cancel",
        r#"{"taskId":"t"}"#,
        Some("u"),
        "Mcp-Name header does not match `taskId` in the body",
    );
    named("tasks/update", r#"{"taskId":"t"}"#, None, "Mcp-Name header is missing");
}

#[test]
fn a_name_may_be_wrapped_in_base64_marks() {
    let check = |header: &str, body: &str, expect: &str| {
        let headers = map(&[("Mcp-Method", "tools/call"), ("Mcp-Name", header)]);
        let params = serde_json::json!({ "name": body }).to_string();
        assert_eq!(show(check_request(&headers, "tools/call", &raw(&params))), expect, "{header}");
    };
    let differs = "Mcp-Name header does not match `name` in the body";
    check("=?base64?SGVsbG8=?=", "Hello", "fits");
    check("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界", "fits");
    check("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?=", "fits");
    check("=?base64?SGVsbG8?=", "Hello", "A header value is not valid base64");
    check("=?base64?SGVs!!!bG8=?=", "Hello", "A header value is not valid base64");
    check("=?base64?/w==?=", "x", "A header value is not UTF-8");
    check("SGVsbG8=", "SGVsbG8=", "fits");
    check("=?base64?SGVsbG8=", "=?base64?SGVsbG8=", "fits");
    check("=?BASE64?SGVsbG8=?=", "=?BASE64?SGVsbG8=?=", "fits");
    check("=?BASE64?SGVsbG8=?=", "Hello", differs);
    check("=?base64?=", "=?base64?=", "fits");
    check("h\u{e9}", "h\u{e9}", "Mcp-Name header has invalid characters");
}

#[test]
fn a_notification_needs_no_header_but_must_not_lie() {
    let check = |headers: &[(&str, &str)], expect: &str| {
        assert_eq!(show(check_notification(&map(headers), "notifications/cancelled")), expect);
    };
    check(&[], "fits");
    check(&[("Mcp-Method", "notifications/cancelled")], "fits");
    check(&[("Mcp-Method", "tools/call")], "Mcp-Method header does not match `the method` in the body");
}

fn compile(schema: &str) -> Result<ParamHeaders, BadAnnotation> {
    ParamHeaders::compile(&raw(schema))
}

#[test]
fn an_annotation_that_breaks_a_rule_is_refused_with_its_place() {
    let property = |inner: &str| format!(r#"{{"type":"object","properties":{{"p":{inner}}}}}"#);
    let check = |schema: &str, expect: &str| {
        let error = compile(schema).expect_err(schema).to_string();
        assert_eq!(error, format!("x-mcp-header at {expect}"), "{schema}");
    };
    let at = |reason: &str| format!("`properties/p`: {reason}");
    check(&property(r#"{"type":"string","x-mcp-header":""}"#), &at("it must not be empty"));
    check(&property(r#"{"type":"string","x-mcp-header":3}"#), &at("it must be a string"));
    for name in ["My Region", "Region:Primary", "Régión", "Region\\t1", "a\\r\\nb"] {
        let schema = property(&format!(r#"{{"type":"string","x-mcp-header":"{name}"}}"#));
        check(&schema, &at("it must be a token of RFC 9110"));
    }
    for kind in [r#""number""#, r#""array""#, r#""object""#, r#""null""#, r#"["string","null"]"#] {
        let schema = property(&format!(r#"{{"type":{kind},"x-mcp-header":"A"}}"#));
        check(&schema, &at("the type must be string, integer or boolean"));
    }
    check(&property(r#"{"x-mcp-header":"A"}"#), &at("the type must be string, integer or boolean"));
    let both = r#"{"properties":{"a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"REGION"}}}"#;
    check(both, "`properties/b`: another property has the same, or differs in case only");

    let alone = "only properties that `properties` alone lead to may have one";
    let leaf = r#"{"type":"string","x-mcp-header":"A"}"#;
    check(leaf, &format!("``: {alone}"));
    let inner = format!(r#"{{"properties":{{"q":{leaf}}}}}"#);
    for (schema, place) in [
        (
            format!(r#"{{"properties":{{"p":{{"type":"array","items":{inner}}}}}}}"#),
            "properties/p/items/properties/q",
        ),
        (format!(r#"{{"oneOf":[{inner}]}}"#), "oneOf/properties/q"),
        (format!(r#"{{"if":{inner}}}"#), "if/properties/q"),
        (format!(r#"{{"not":{inner}}}"#), "not/properties/q"),
        (format!(r#"{{"$defs":{{"d":{inner}}}}}"#), "$defs/d/properties/q"),
        (format!(r#"{{"additionalProperties":{leaf}}}"#), "additionalProperties"),
        (format!(r#"{{"patternProperties":{{"x":{leaf}}}}}"#), "patternProperties/x"),
        (format!(r#"{{"properties":{{"p":{{"allOf":[{leaf}]}}}}}}"#), "properties/p/allOf"),
    ] {
        check(&schema, &format!("`{place}`: {alone}"));
    }
}

#[test]
fn what_only_looks_like_an_annotation_is_none() {
    for schema in [
        "{}",
        "true",
        r#"{"properties":{"x-mcp-header":{"type":"string"}}}"#,
        r#"{"properties":{"p":{"default":{"x-mcp-header":""},"enum":[{"x-mcp-header":1}]}}}"#,
    ] {
        assert!(compile(schema).expect(schema).is_empty(), "{schema}");
    }
}

#[test]
fn arguments_must_be_repeated_exactly_where_they_are_given() {
    let headers = compile(
        r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},
        "count":{"type":"integer","x-mcp-header":"Count"},"deep":{"type":"object","properties":
        {"flag":{"type":"boolean","x-mcp-header":"Method"}}},"free":{"type":"string"}}}"#,
    )
    .expect("valid");
    let check = |arguments: &str, given: &[(&str, &str)], fits: bool| {
        let outcome = show(headers.check(&map(given), &raw(arguments)));
        assert_eq!(outcome == "fits", fits, "{arguments} {given:?}: {outcome}");
    };
    check("{}", &[], true);
    check(r#"{"region":null,"free":"x"}"#, &[], true);
    check(r#"{"region":null}"#, &[("Mcp-Param-Region", "null")], false);
    check("{}", &[("Mcp-Param-Region", "us")], false);
    check("{}", &[("Mcp-Param-Other", "us")], true);
    check(r#"{"region":"us"}"#, &[], false);
    check(r#"{"region":"us"}"#, &[("mcp-param-REGION", "us")], true);
    check(r#"{"region":"us"}"#, &[("Mcp-Param-Region", "US")], false);
    check(r#"{"region":"us"}"#, &[("Mcp-Param-Region", "us"), ("Mcp-Param-Region", "us")], false);
    check(r#"{"region":"us west 1"}"#, &[("Mcp-Param-Region", "us west 1")], true);
    check(r#"{"region":" us"}"#, &[("Mcp-Param-Region", " us")], false);
    check(r#"{"region":" us"}"#, &[("Mcp-Param-Region", "=?base64?IHVz?=")], true);
    check(r#"{"region":"l\nm"}"#, &[("Mcp-Param-Region", "=?base64?bAptzz?=")], false);
    check(r#"{"region":""}"#, &[("Mcp-Param-Region", "")], true);
    check(r#"{"region":""}"#, &[], false);
    check(r#"{"region":"us","region":"eu"}"#, &[("Mcp-Param-Region", "us")], false);
    check(r#"{"region":["us"]}"#, &[], true);
    check(r#"{"region":["us"]}"#, &[("Mcp-Param-Region", "us")], false);
    check(r#"{"region":"h\u00e9"}"#, &[("Mcp-Param-Region", "h\u{e9}")], false);

    for (body, header, fits) in [
        ("42", "42", true),
        ("42", "42.0", true),
        ("42.0", "42", true),
        ("-7", "-7", true),
        ("42", "43", false),
        ("42", "+42.0", false),
        ("42", "forty-two", false),
        ("9007199254740993", "9007199254740992.0", false),
        ("9007199254740993", "9007199254740993", true),
        ("1e400", "inf", false),
    ] {
        check(&format!(r#"{{"count":{body}}}"#), &[("Mcp-Param-Count", header)], fits);
    }
    check(r#"{"deep":{"flag":true}}"#, &[("Mcp-Param-Method", "true")], true);
    check(r#"{"deep":{"flag":true}}"#, &[("Mcp-Param-Method", "True")], false);
    check(r#"{"deep":{"flag":false}}"#, &[], false);
    check(r#"{"deep":7}"#, &[], true);
}
