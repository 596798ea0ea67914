//! Golden texts of tools and their results, revision by revision.

use super::super::shape::result_raw;
use super::super::write::to_raw;
use super::*;

const R1: Revision = Revision::V2024_11_05;
const R2: Revision = Revision::V2025_03_26;
const R3: Revision = Revision::V2025_06_18;
const R4: Revision = Revision::V2025_11_25;
const R5: Revision = Revision::V2026_07_28;

fn raw(text: &str) -> Raw {
    Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON")
}

#[test]
fn each_revision_is_told_of_a_tool_what_it_knows() {
    let tool = ToolInfo {
        title: Some("T".into()),
        output_schema: Some(raw(r#"{"type":"object"}"#)),
        annotations: Some(ToolAnnotations { read_only_hint: Some(true), ..ToolAnnotations::default() }),
        icons: vec![Icon { src: "i".into(), ..Icon::default() }],
        task_support: TaskSupport::Optional,
        meta: Some(raw(r#"{"m":1}"#)),
        ..ToolInfo::new("t", "does t", raw(r#"{"type":"object"}"#))
    };
    let check = |revision: Revision, expect: &str| assert_eq!(to_raw(&tool, revision).as_str(), expect);
    check(R1, r#"{"name":"t","description":"does t","inputSchema":{"type":"object"}}"#);
    check(
        R2,
        r#"{"name":"t","description":"does t","inputSchema":{"type":"object"},"annotations":{"title":"T","readOnlyHint":true}}"#,
    );
    check(
        R3,
        r#"{"name":"t","title":"T","description":"does t","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"_meta":{"m":1}}"#,
    );
    check(
        R4,
        r#"{"name":"t","title":"T","description":"does t","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"execution":{"taskSupport":"optional"},"annotations":{"readOnlyHint":true},"icons":[{"src":"i"}],"_meta":{"m":1}}"#,
    );
    check(
        R5,
        r#"{"name":"t","title":"T","description":"does t","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"icons":[{"src":"i"}],"_meta":{"m":1}}"#,
    );
    let read: ToolInfo = to_raw(&tool, R4).decode().expect("a tool");
    assert_eq!(read, tool);
}

#[test]
fn a_schema_of_other_values_than_objects_is_for_the_modern_era() {
    let mut tool = ToolInfo::new("t", "d", Raw::empty_object());
    tool.output_schema = Some(raw(r#"{"type":"array"}"#));
    for revision in Revision::ALL {
        let written = to_raw(&tool, revision).as_str().contains("outputSchema");
        assert_eq!(written, revision == R5, "{revision}");
    }
}

#[test]
fn a_call_is_read_and_its_arguments_stay_a_slice() {
    let params = raw(r#"{"name":"t","arguments":{"a": [1, 2]},"task":{"ttl":5},"_meta":{}}"#);
    let call = CallToolParams::read(&params).expect("a call");
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("t", r#"{"a": [1, 2]}"#));
    assert_eq!(call.task.and_then(|task| task.ttl_ms), Some(5));
    let within = params.bytes().as_ptr_range();
    assert!(within.contains(&call.arguments.bytes().as_ptr()), "arguments must share the message");
}

#[test]
fn a_wrong_call_is_told_which_field_is_wrong() {
    let check = |text: &str, expect: &str| {
        let fault = CallToolParams::read(&raw(text)).expect_err(text);
        assert_eq!((fault.code, fault.message.as_str()), (-32602, expect));
    };
    check("{}", "`name` is missing");
    check(r#"{"name":null}"#, "`name` is missing");
    check(r#"{"name":3}"#, "`name`: invalid type: integer `3`, expected a string");
    check(r#"{"name":"t","arguments":[]}"#, "`arguments` must be an object");
    check(r#"{"name":"t","task":1}"#, "`task`: invalid type: integer `1`, expected an object");
    check(r#"{"name":"t","name":"u"}"#, "duplicate field `name`");
}

#[test]
fn a_result_is_content_and_structure_as_far_as_the_revision_goes() {
    let check = |result: &CallToolResult, revisions: &[Revision], expect: &str| {
        for revision in revisions {
            let text = result_raw(*revision, result, None);
            let body = text.as_str().replace(r#""resultType":"complete","#, "");
            assert_eq!(body, expect, "{revision}");
            assert_eq!(text.as_str().contains("resultType"), revision.is_modern());
        }
    };
    check(&CallToolResult::text("hi"), &Revision::ALL, r#"{"content":[{"type":"text","text":"hi"}]}"#);
    let failed = r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#;
    check(&CallToolResult::error("no"), &Revision::ALL, failed);
    check(&CallToolResult::default(), &Revision::ALL, r#"{"content":[]}"#);

    let object = CallToolResult::structured(raw(r#"{"a":1}"#));
    let repeated = r#"{"content":[{"type":"text","text":"{\"a\":1}"}]"#;
    check(&object, &[R1, R2], &format!("{repeated}}}"));
    check(&object, &[R3, R4, R5], &format!(r#"{repeated},"structuredContent":{{"a":1}}}}"#));

    let list = CallToolResult { structured: Some(raw("[1]")), ..CallToolResult::text("one") };
    check(&list, &[R1, R2, R3, R4], r#"{"content":[{"type":"text","text":"one"}]}"#);
    check(&list, &[R5], r#"{"content":[{"type":"text","text":"one"}],"structuredContent":[1]}"#);
}

#[test]
fn a_result_keeps_its_own_metadata_beside_who_answers() {
    let result = CallToolResult { meta: Some(raw(r#"{"m":1}"#)), ..CallToolResult::text("x") };
    let info = raw(r#"{"name":"s","version":"1"}"#);
    let content = r#""content":[{"type":"text","text":"x"}]"#;
    let old = result_raw(R4, &result, Some(&info));
    assert_eq!(old.as_str(), format!(r#"{{{content},"_meta":{{"m":1}}}}"#));
    let new = result_raw(R5, &result, Some(&info));
    let meta = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"},"m":1}"#;
    assert_eq!(new.as_str(), format!(r#"{{"resultType":"complete",{content},{meta}}}"#));
}

#[test]
fn a_result_of_another_server_is_read_null_structure_and_all() {
    let result: CallToolResult =
        raw(r#"{"content":[],"structuredContent":null}"#).decode().expect("a result");
    assert_eq!(result.structured, Some(raw("null")));
    assert_eq!(
        result_raw(R5, &result, None).as_str(),
        r#"{"resultType":"complete","content":[{"type":"text","text":"null"}],"structuredContent":null}"#
    );
}
