//! What clients declare, and what each revision is told of the server.

use std::collections::BTreeMap;

use super::super::Revision;
use super::super::write::to_raw;
use crate::jsonrpc::Raw;

use super::*;

fn read(text: &str) -> ClientCapabilities {
    ClientCapabilities::read(&Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON"))
        .expect("capabilities")
}

#[test]
fn what_is_needed_and_not_declared_is_named_as_capabilities() {
    let check = |declared: &str, needed: &[Need], expect: Option<&str>| {
        assert_eq!(read(declared).missing(needed).as_ref().map(Raw::as_str), expect, "{declared} {needed:?}");
    };
    check("{}", &[], None);
    check("{}", &[Need::Sampling], Some(r#"{"sampling":{}}"#));
    check(r#"{"sampling":{}}"#, &[Need::Sampling], None);
    check(r#"{"sampling":{}}"#, &[Need::SamplingTools], Some(r#"{"sampling":{"tools":{}}}"#));
    check(r#"{"sampling":{"tools":{}}}"#, &[Need::SamplingTools], None);
    check(r#"{"sampling":{"context":{}}}"#, &[Need::SamplingContext, Need::Roots], Some(r#"{"roots":{}}"#));
    check(r#"{"elicitation":{}}"#, &[Need::ElicitationForm], None);
    check(
        r#"{"elicitation":{}}"#,
        &[Need::ElicitationForm, Need::ElicitationUrl],
        Some(r#"{"elicitation":{"url":{}}}"#),
    );
    check(r#"{"elicitation":{"url":{}}}"#, &[Need::ElicitationForm], Some(r#"{"elicitation":{"form":{}}}"#));
    check("{}", &[Need::Tasks], Some(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#));
    check(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#, &[Need::Tasks], None);
}

#[test]
fn a_client_may_declare_what_we_do_not_know() {
    let read = read(
        r#"{"roots":{"listChanged":true},"tasks":{"list":{},"requests":{"elicitation":{"create":{}}}},
        "experimental":{"x":{}},"future":{"y":1}}"#,
    );
    assert_eq!(read.roots, Some(Roots { list_changed: true }));
    let tasks = ClientTasks { list: true, cancel: false, sampling: false, elicitation: true };
    assert_eq!(read.tasks, Some(tasks));
    assert_eq!(read.experimental.as_ref().map(Raw::as_str), Some(r#"{"x":{}}"#));
}

#[test]
fn each_revision_is_told_of_the_server_what_it_knows() {
    let server = ServerCapabilities {
        tools: Some(Changing { list_changed: true }),
        prompts: Some(Changing::default()),
        resources: Some(ServerResources { subscribe: true, list_changed: true }),
        logging: true,
        completions: true,
        tasks: true,
        extensions: BTreeMap::from([("com.example/x".to_owned(), Raw::empty_object())]),
        experimental: None,
    };
    let common =
        r#""prompts":{},"resources":{"subscribe":true,"listChanged":true},"tools":{"listChanged":true}"#;
    let check = |revision: Revision, before: &str, after: &str| {
        let expect = format!(r#"{{"logging":{{}},{before}{common}{after}}}"#);
        assert_eq!(to_raw(&server, revision).as_str(), expect);
    };
    check(Revision::V2024_11_05, "", "");
    check(Revision::V2025_03_26, r#""completions":{},"#, "");
    check(Revision::V2025_06_18, r#""completions":{},"#, "");
    let tasks = r#","tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#;
    check(Revision::V2025_11_25, r#""completions":{},"#, tasks);
    let extensions = r#","extensions":{"io.modelcontextprotocol/tasks":{},"com.example/x":{}}"#;
    check(Revision::V2026_07_28, r#""completions":{},"#, extensions);
    assert_eq!(to_raw(&ServerCapabilities::default(), Revision::V2025_06_18).as_str(), "{}");
}
