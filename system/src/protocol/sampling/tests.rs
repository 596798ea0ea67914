//! Questions and answers of sampling, revision by revision.

use super::super::Ask;
use super::super::write::to_raw;
use super::*;

fn raw(text: &str) -> Raw {
    Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON")
}

#[test]
fn a_simple_question_is_the_same_in_every_revision() {
    let ask = Ask::from(CreateMessageParams::text("hi", 100));
    for revision in Revision::ALL {
        assert_eq!(
            to_raw(&ask, revision).as_str(),
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"hi"}}],"maxTokens":100}"#
        );
    }
}

#[test]
fn every_member_has_its_place() {
    let params = CreateMessageParams {
        system_prompt: Some("s".into()),
        model_preferences: Some(ModelPreferences {
            hints: vec!["m".into()],
            cost_priority: Some(0.0),
            speed_priority: Some(0.5),
            intelligence_priority: Some(1.0),
        }),
        include_context: Some(IncludeContext::ThisServer),
        temperature: Some(0.1),
        stop_sequences: vec!["\n".into()],
        metadata: Some(raw(r#"{"k":1}"#)),
        tools: vec![ToolInfo::new("t", "d", Raw::empty_object())],
        tool_choice: Some(ToolChoice::Required),
        ..CreateMessageParams::text("x", 7)
    };
    let all = [Need::Sampling, Need::SamplingTools, Need::SamplingContext];
    assert_eq!(params.needs(Revision::V2025_11_25), all);
    assert_eq!(params.needs(Revision::V2025_06_18), all[..2]);
    let common = r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"modelPreferences":{"hints":[{"name":"m"}],"costPriority":0,"speedPriority":0.5,"intelligencePriority":1},"systemPrompt":"s","includeContext":"thisServer","temperature":0.1,"maxTokens":7,"stopSequences":["\n"],"metadata":{"k":1}"#;
    let ask = Ask::from(params);
    assert_eq!(to_raw(&ask, Revision::V2025_06_18).as_str(), format!("{common}}}"));
    let tools =
        r#","tools":[{"name":"t","description":"d","inputSchema":{}}],"toolChoice":{"mode":"required"}}"#;
    assert_eq!(to_raw(&ask, Revision::V2025_11_25).as_str(), format!("{common}{tools}"));
    assert_eq!(to_raw(&ask, Revision::V2026_07_28).as_str(), format!("{common}{tools}"));
}

#[test]
fn the_use_of_tools_is_text_before_there_were_tools() {
    let message = SamplingMessage {
        role: Role::Assistant,
        content: vec![
            SamplingContent::ToolUse { id: "u".into(), name: "t".into(), input: raw("{}"), meta: None },
            SamplingContent::ToolResult {
                tool_use_id: "u".into(),
                content: vec![Content::text("r")],
                structured: None,
                is_error: true,
                meta: None,
            },
        ],
        meta: None,
    };
    let params =
        CreateMessageParams { messages: vec![message], max_tokens: 1, ..CreateMessageParams::default() };
    let ask = Ask::from(params);
    assert_eq!(
        to_raw(&ask, Revision::V2025_06_18).as_str(),
        r#"{"messages":[{"role":"assistant","content":{"type":"text","text":"[u: call of t with {}]"}},{"role":"assistant","content":{"type":"text","text":"[u: gave r]"}}],"maxTokens":1}"#
    );
    assert_eq!(
        to_raw(&ask, Revision::V2025_11_25).as_str(),
        r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"u","name":"t","input":{}},{"type":"tool_result","toolUseId":"u","content":[{"type":"text","text":"r"}],"isError":true}]}],"maxTokens":1}"#
    );
}

#[test]
fn what_a_conversation_cannot_hold_is_told_in_words() {
    let check = |content: Content, revision: Revision, expect: &str| {
        let text = to_raw(&SamplingContent::Block(content), revision);
        assert_eq!(text.as_str(), expect);
    };
    let sound = Content::audio(&[1], "audio/wav");
    check(sound.clone(), Revision::V2024_11_05, r#"{"type":"text","text":"[audio/wav]"}"#);
    check(sound, Revision::V2025_03_26, r#"{"type":"audio","data":"AQ==","mimeType":"audio/wav"}"#);
    let text = Content::resource(ResourceContents::text("a:1", "t/p", "body"));
    check(text, Revision::V2025_11_25, r#"{"type":"text","text":"body"}"#);
    let blob = Content::resource(ResourceContents::blob("a:1", "t/p", &[1]));
    check(blob, Revision::V2026_07_28, r#"{"type":"text","text":"[a:1]"}"#);
}

#[test]
fn an_answer_has_one_block_or_several() {
    let read = |text: &str| CreateMessageResult::read(&raw(text)).map_err(|fault| fault.message);
    let one = read(
        r#"{"role":"assistant","content":{"type":"text","text":"hi"},"model":"m","stopReason":"endTurn"}"#,
    )
    .expect("an answer");
    assert_eq!(
        (one.text().as_str(), one.model.as_str(), one.stop_reason.as_deref()),
        ("hi", "m", Some("endTurn"))
    );
    let several = read(
        r#"{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"u","name":"t","input":{"x":1}},{"type":"tool_result","toolUseId":"u","content":[]},{"type":"text","text":"b"}],"model":"m"}"#,
    )
    .expect("an answer");
    assert_eq!((several.text().as_str(), several.content.len()), ("ab", 4));
    let input = raw(r#"{"x":1}"#);
    assert!(matches!(&several.content[1], SamplingContent::ToolUse { input: read, .. } if *read == input));

    let check = |text: &str, expect: &str| assert_eq!(read(text), Err(expect.into()));
    check("{}", "`role` is missing");
    check(r#"{"role":"system"}"#, "`role`: unknown variant `system`, expected `user` or `assistant`");
    check(r#"{"role":"user"}"#, "`content` is missing");
    check(r#"{"role":"user","content":{"type":"x"}}"#, "`content`: unknown content type `x`");
    check(r#"{"role":"user","content":[{"type":"tool_use"}]}"#, "`content`: missing field `id`");
    check(r#"{"role":"user","content":[]}"#, "`model` is missing");
}
