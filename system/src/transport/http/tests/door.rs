//! What a request must pass at the door: host, origin, token, media types.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use proptest::prelude::*;

use super::*;

fn head(target: &str, headers: &[(http::HeaderName, &str)]) -> Parts {
    let mut request = Request::builder().method(Method::POST).uri(target);
    for (name, value) in headers {
        request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(()).unwrap().into_parts().0
}

fn word(checked: &Result<Allowed, Refusal>) -> &'static str {
    match checked {
        Ok(_) => "allowed",
        Err(Refusal::HostMissing) => "missing",
        Err(Refusal::HostRepeated) => "repeated",
        Err(Refusal::HostMalformed) => "malformed",
        Err(Refusal::HostContradicted) => "contradicted",
        Err(Refusal::HostForeign) => "foreign",
        Err(Refusal::OriginMalformed) => "origin malformed",
        Err(Refusal::OriginForeign) => "origin foreign",
    }
}

fn check_host(guard: &Guard, host: &str, expect: &str) {
    assert_eq!(word(&guard.check(&head("/mcp", &[(HOST, host)]))), expect, "for Host: {host}");
}

fn check_origin(guard: &Guard, origin: &str, expect: &str) {
    let checked = guard.check(&head("/mcp", &[(HOST, "localhost"), (ORIGIN, origin)]));
    assert_eq!(word(&checked), expect, "for Origin: {origin}");
}

#[test]
fn loopback_is_allowed_however_it_is_spelled() {
    let guard = Guard::loopback();
    for host in ["localhost", "LocalHost:8080", "localhost.", "localhost.:1", "127.0.0.1", "127.0.0.1:3000"] {
        check_host(&guard, host, "allowed");
    }
    for host in ["[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]", "[0::0001]:9", "localhost:"] {
        check_host(&guard, host, "allowed");
    }
}

#[test]
fn other_hosts_are_foreign_and_what_has_two_readings_is_malformed() {
    let guard = Guard::loopback();
    for host in
        ["evil.example.com", "localhost.evil.example", "127.0.0.2", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"]
    {
        check_host(&guard, host, "foreign");
    }
    for host in
        ["", ".", "localhost..", "a..b", "localhost@evil.example", "user:pass@localhost", "localhost:99999"]
    {
        check_host(&guard, host, "malformed");
    }
    for host in
        ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1", "::1", "[::1]x", "[::1%25lo]", "[]"]
    {
        check_host(&guard, host, "malformed");
    }
    for host in
        ["localhost:8a", "localhost: 80", "localhost/", "local%68ost", "localhost,evil", "lócalhost", "a b"]
    {
        check_host(&guard, host, "malformed");
    }
}

#[test]
fn a_host_is_named_once_and_the_target_agrees_with_it() {
    let guard = Guard::loopback();
    let check = |target: &str, headers: &[(http::HeaderName, &str)], expect: &str| {
        assert_eq!(word(&guard.check(&head(target, headers))), expect, "for {target} {headers:?}");
    };
    check("/mcp", &[], "missing");
    check("/mcp", &[(HOST, "localhost"), (HOST, "localhost")], "repeated");
    check("http://localhost/mcp", &[], "missing");
    check("http://localhost/mcp", &[(HOST, "localhost:80")], "allowed");
    check("http://LOCALHOST.:80/mcp", &[(HOST, "localhost")], "allowed");
    check("http://localhost:81/mcp", &[(HOST, "localhost")], "contradicted");
    check("http://evil.example/mcp", &[(HOST, "localhost")], "contradicted");
    check("http://me@localhost/mcp", &[(HOST, "localhost")], "malformed");
    check("http://evil.example/mcp", &[(HOST, "evil.example")], "foreign");
    check(
        "/mcp",
        &[(HOST, "evil.example"), (http::HeaderName::from_static("x-forwarded-host"), "localhost")],
        "foreign",
    );
}

#[test]
fn http_2_carries_its_host_in_the_target_alone() {
    let mut head = head("https://localhost/mcp", &[]);
    head.version = Version::HTTP_2;
    assert_eq!(word(&Guard::loopback().check(&head)), "allowed");
    head.uri = "https://evil.example/mcp".parse().unwrap();
    assert_eq!(word(&Guard::loopback().check(&head)), "foreign");
}

#[test]
fn origins_of_loopback_are_allowed_and_others_are_not() {
    let guard = Guard::loopback();
    for origin in [
        "http://localhost",
        "https://localhost:6274",
        "http://127.0.0.1:1",
        "http://[::1]:3",
        "HTTP://LOCALHOST",
    ] {
        check_origin(&guard, origin, "allowed");
    }
    for origin in ["https://evil.example", "http://localhost.evil.example", "chrome-extension://localhost"] {
        check_origin(&guard, origin, "origin foreign");
    }
    for origin in
        ["null", "", "localhost", "http://", "http://localhost/", "http://a@localhost", "://localhost"]
    {
        check_origin(&guard, origin, "origin malformed");
    }
    let twice =
        head("/mcp", &[(HOST, "localhost"), (ORIGIN, "http://localhost"), (ORIGIN, "http://localhost")]);
    assert_eq!(word(&guard.check(&twice)), "origin malformed");
}

#[test]
fn listed_hosts_and_origins_are_held_to_their_ports() {
    let guard = Guard::new(
        &["MCP.example.com", "b.example:8443", "c.example:443", "[2001:db8::1]"],
        &["https://app.example.com", "http://dev.example:*", "vscode-webview://abc"],
    )
    .unwrap();
    assert!(guard.serves_beyond_loopback());
    let check = |host: &str, origin: &str, expect: &str| {
        let checked = guard.check(&head("/", &[(HOST, host), (ORIGIN, origin)]));
        assert_eq!(word(&checked), expect, "for {host} {origin}");
    };
    check("mcp.example.com:9", "https://app.example.com", "allowed");
    check("b.example:8443", "https://app.example.com:443", "allowed");
    check("b.example", "https://app.example.com", "foreign");
    check("b.example:8444", "https://app.example.com", "foreign");
    check("c.example", "https://app.example.com", "allowed");
    check("[2001:db8:0::0:1]:1", "http://dev.example:77", "allowed");
    check("mcp.example.com", "vscode-webview://abc", "allowed");
    check("mcp.example.com", "https://app.example.com:8443", "origin foreign");
    check("mcp.example.com", "http://app.example.com", "origin foreign");
    check("mcp.example.com", "http://localhost", "origin foreign");
    check("localhost", "https://app.example.com", "foreign");
}

#[test]
fn a_list_of_hosts_without_origins_keeps_browsers_out() {
    let guard = Guard::new(&["*"], &[]).unwrap();
    check_host(&guard, "anything.example", "allowed");
    check_origin(&guard, "http://localhost", "origin foreign");
    check_origin(&Guard::new(&[], &["*"]).unwrap(), "https://any.example", "allowed");
    check_origin(&Guard::new(&[], &["*"]).unwrap(), "null", "origin malformed");
}

#[test]
fn entries_that_cannot_be_are_named() {
    assert_eq!(Guard::new(&["http://a.example"], &[]).unwrap_err().entry, "http://a.example");
    assert_eq!(Guard::new(&[], &["a.example"]).unwrap_err().entry, "a.example");
    assert_eq!(Guard::new(&[], &["https://a.example/path"]).unwrap_err().entry, "https://a.example/path");
}

#[test]
fn refusals_are_400_for_what_is_malformed_and_403_for_what_is_foreign() {
    assert_eq!(Refusal::HostMissing.response().status(), 400);
    assert_eq!(Refusal::HostContradicted.response().status(), 400);
    assert_eq!(Refusal::HostForeign.response().status(), 403);
    assert_eq!(Refusal::OriginMalformed.response().status(), 403);
    assert!(Refusal::OriginForeign.response().headers().get("access-control-allow-origin").is_none());
}

#[test]
fn an_allowed_page_is_told_so_and_may_send_what_the_protocol_needs() {
    let mut head = head("/mcp", &[(HOST, "localhost"), (ORIGIN, "http://localhost:6274")]);
    let allowed = Guard::loopback().check(&head).unwrap();
    assert!(allowed.preflight(&head).is_none());
    head.method = Method::OPTIONS;
    assert!(allowed.preflight(&head).is_none());
    head.headers.insert("access-control-request-method", HeaderValue::from_static("POST"));
    let asked = HeaderValue::from_static("content-type, Mcp-Param-Region, x-other, mcp-param-(bad)");
    head.headers.insert("access-control-request-headers", asked);
    let answer = allowed.preflight(&head).unwrap();
    let value = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(value("access-control-allow-origin"), "http://localhost:6274");
    assert_eq!(value("vary"), "origin");
    assert_eq!(value("access-control-allow-methods"), "GET, POST, DELETE, OPTIONS");
    assert!(value("access-control-expose-headers").starts_with("Mcp-Session-Id, MCP-Protocol-Version"));
    let sendable: Vec<_> = value("access-control-allow-headers").split(", ").collect();
    for name in
        ["authorization", "content-type", "accept", "last-event-id", "mcp-session-id", "mcp-param-region"]
    {
        assert!(sendable.contains(&name), "{sendable:?} lacks {name}");
    }
    assert!(!sendable.iter().any(|name| name.contains("other") || name.contains("bad")), "{sendable:?}");
}

#[test]
fn who_sends_no_origin_gets_no_cross_origin_headers() {
    let head = head("/mcp", &[(HOST, "localhost")]);
    let mut headers = HeaderMap::new();
    Guard::loopback().check(&head).unwrap().mark(&mut headers);
    assert!(headers.is_empty());
}

#[test]
fn a_token_names_its_principal_and_anything_else_is_challenged() {
    let list = [("0123456789abcdef", "alice"), ("fedcba9876543210", "bob")];
    let bearer = Bearer::new(&list, Some("https://a.example/.well-known/oauth-protected-resource")).unwrap();
    let check = |values: &[&str], expect: Result<&str, &str>| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        match (bearer.check(&headers), expect) {
            (Ok(principal), Ok(expect)) => assert_eq!(&*principal, expect),
            (Err(refused), Err(expect)) => {
                let response = refused.response();
                assert_eq!(response.status(), 401);
                let challenge = response.headers()["www-authenticate"].to_str().unwrap();
                assert!(
                    challenge.starts_with("Bearer realm=\"mcp\"") && challenge.contains(expect),
                    "{challenge}"
                );
                assert!(challenge.contains("resource_metadata=\"https://a.example/"), "{challenge}");
            }
            (got, expect) => panic!("{got:?} instead of {expect:?} for {values:?}"),
        }
    };
    check(&["Bearer 0123456789abcdef"], Ok("alice"));
    check(&["bearer   fedcba9876543210 "], Ok("bob"));
    check(&[], Err(""));
    check(&["Basic 0123456789abcdef"], Err(""));
    check(&["Bearer "], Err(""));
    check(&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"], Err(""));
    check(&["Bearer 0123456789abcdeF"], Err("invalid_token"));
    check(&["Bearer 0123456789abcdef0123456789abcdef"], Err("invalid_token"));
    check(&["Bearer 0123456789abcde"], Err("invalid_token"));
}

#[test]
fn a_list_of_tokens_is_checked_and_never_shown() {
    assert!(matches!(Bearer::new(&[("short", "a")], None), Err(BadBearer::Token { .. })));
    assert!(matches!(Bearer::new(&[("with a space in it", "a")], None), Err(BadBearer::Token { .. })));
    let twice = [("0123456789abcdef", "a"), ("0123456789abcdef", "b")];
    assert!(matches!(Bearer::new(&twice, None), Err(BadBearer::Shared { .. })));
    assert_eq!(Bearer::new(&[("0123456789abcdef", "a")], Some("a\"b")).unwrap_err(), BadBearer::Metadata);
    assert_eq!(format!("{:?}", Bearer::new(&twice[..1], None).unwrap()), "Bearer(1 tokens)");
}

fn check_accept(values: &[&str], json: bool, events: bool) {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
    }
    assert_eq!(Accepts::read(&headers), Accepts { json, events }, "for {values:?}");
}

#[test]
fn accept_is_read_by_the_most_specific_range() {
    check_accept(&[], true, true);
    check_accept(&[""], true, true);
    check_accept(&["*/*"], true, true);
    check_accept(&["application/json, text/event-stream"], true, true);
    check_accept(&["Application/JSON", "TEXT/event-stream;q=0.1"], true, true);
    check_accept(&["application/json"], true, false);
    check_accept(&["text/event-stream"], false, true);
    check_accept(&["application/*"], true, false);
    check_accept(&["text/html, text/*;q=0.5"], false, true);
    check_accept(&["*/*, text/event-stream;q=0"], true, false);
    check_accept(&["application/json;q=0.000, */*;q=0.1"], false, true);
    check_accept(&["text/*;q=0, text/event-stream"], false, true);
    check_accept(&["*/*;q=0"], false, false);
    check_accept(&["text/html"], false, false);
    check_accept(&["application/json;a=\"x, text/event-stream\""], true, false);
    check_accept(&["application/json; charset=utf-8 ; Q=0"], false, false);
    check_accept(&["nonsense, application/json"], true, false);
    check_accept(&["application/json, application/json;version=2;q=0"], true, false);
    check_accept(&["application/jsonp"], false, false);
}

#[test]
fn a_body_must_say_that_it_is_json() {
    let check = |values: &[&str], expect: bool| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(is_json(&headers), expect, "for {values:?}");
    };
    check(&["application/json"], true);
    check(&["Application/JSON ; charset=utf-8"], true);
    check(&[], false);
    check(&["text/plain"], false);
    check(&["application/json-rpc"], false);
    check(&["text/plain; a=application/json"], false);
    check(&["application/json", "application/json"], false);
    check(&["application/json, text/plain"], false);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_makes_the_door_panic(host in "\\PC{0,40}", origin in "\\PC{0,40}", accept in "\\PC{0,60}") {
        let mut parts = head("/mcp", &[]);
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        parts.headers.insert(HOST, value(&host));
        parts.headers.insert(ORIGIN, value(&origin));
        parts.headers.insert(ACCEPT, value(&accept));
        parts.headers.insert(AUTHORIZATION, value(&accept));
        let _ = Guard::loopback().check(&parts);
        let _ = Accepts::read(&parts.headers);
        let _ = Bearer::new(&[("0123456789abcdef", "a")], None).unwrap().check(&parts.headers);
    }

    #[test]
    fn only_spellings_of_loopback_pass_the_loopback_guard(host in "[lL]ocalhos[tT]?|[a-z0-9.:@\\[\\]%-]{1,16}") {
        let allowed = Guard::loopback().check(&head("/mcp", &[(HOST, &host)])).is_ok();
        if allowed {
            let name = if host.starts_with('[') { &host[..=host.find(']').unwrap()] } else { host.split(':').next().unwrap() };
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let is_v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|address| address.parse() == Ok(std::net::Ipv6Addr::LOCALHOST));
            prop_assert!(is_v6 || name == "localhost" || name == "127.0.0.1", "{host} passed");
        }
    }

    #[test]
    fn the_case_of_a_host_and_a_port_do_not_matter(upper in any::<[bool; 9]>(), port in any::<u16>(), dot in any::<bool>()) {
        let mut host: String = "localhost".chars().zip(upper)
            .map(|(letter, upper)| if upper { letter.to_ascii_uppercase() } else { letter }).collect();
        if dot {
            host.push('.');
        }
        check_host(&Guard::loopback(), &format!("{host}:{port}"), "allowed");
        check_origin(&Guard::loopback(), &format!("http://{host}:{port}"), "allowed");
    }

    #[test]
    fn accept_does_not_depend_on_how_the_list_is_split_into_lines(
        entries in prop::collection::vec(
            prop::sample::select(vec!["*/*", "text/*;q=0", "application/json", "text/event-stream;q=0.3", "a/b;c=\"d,e\"", ""]),
            0..6,
        ),
    ) {
        let mut joined = HeaderMap::new();
        joined.insert(ACCEPT, HeaderValue::from_str(&entries.join(" , ")).unwrap());
        let mut lines = HeaderMap::new();
        for entry in &entries {
            lines.append(ACCEPT, HeaderValue::from_str(entry).unwrap());
        }
        prop_assert_eq!(Accepts::read(&joined), Accepts::read(&lines));
    }
}
