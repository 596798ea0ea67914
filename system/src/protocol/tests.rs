//! What holds for every reader and every writer, on texts and values that nobody chose.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::jsonrpc::{Id, Message, Raw, parse_one};

/// JSON that is often nearly right: the keys and values that the readers look for, in the wrong places.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let words =
        "name|uri|taskId|_meta|arguments|type|text|ref/prompt|level|task|content|role|action|data|accept";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let keys = "name|uri|taskId|_meta|arguments|task|inputResponses|requestState|level|notifications|ref|argument|\
                context|content|role|model|action|progressToken|progress|requestId|cursor|protocolVersion|\
                capabilities|clientInfo|properties|items|x-mcp-header|type|io.modelcontextprotocol/logLevel|\
                io.modelcontextprotocol/protocolVersion|io.modelcontextprotocol/clientCapabilities";
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn raw(value: &serde_json::Value) -> Raw {
    Raw::encode(value).expect("JSON")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_client_makes_a_reader_panic(value in json()) {
        let raw = raw(&value);
        let _ = RequestMeta::read(&raw).and_then(|meta| meta.capabilities());
        for method in Method::all() {
            let _ = RequestMeta::read_named(Some(method), &raw);
        }
        let _ = (CallToolParams::read(&raw), GetPromptParams::read(&raw), CompleteParams::read(&raw));
        let _ = (read_uri(&raw), read_cursor(&raw), LogLevel::read_params(&raw), InitializeParams::read(&raw));
        let _ = (InputAnswers::read(&raw), TaskAnswers::read(&raw), SubscriptionFilter::read(&raw, 2));
        let _ = (CreateMessageResult::read(&raw), ElicitResult::read(&raw), ListRootsResult::read(&raw));
        let _ = (Progress::read(&raw), Cancelled::read(&raw), raw.decode::<CallToolResult>());
        if let Ok(compiled) = headers::ParamHeaders::compile(&raw) {
            let _ = compiled.check(&http::HeaderMap::new(), &raw);
        }
    }

    #[test]
    fn every_result_is_a_message_in_every_revision(
        text in any::<String>(),
        meta in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..3),
        structured in json(),
        id in any::<String>(),
    ) {
        let result = CallToolResult {
            structured: Some(raw(&structured)),
            meta: Some(Raw::encode(&meta).expect("JSON")),
            ..CallToolResult::content(vec![Content::text(text.clone()), Content::link(ResourceInfo::new(&*text, &*text))])
        };
        let info = to_raw(&Implementation::new(&*text, "1"), Revision::LATEST_MODERN);
        for revision in Revision::ALL {
            let id = Id::Text(id.as_str().into());
            let message: Bytes = result_message(&id, revision, &result, Some(&info));
            let Ok(Message::Answer(answer)) = parse_one(&message, 64) else {
                return Err(TestCaseError::fail(format!("{message:?}")));
            };
            prop_assert_eq!(&answer.id, &id);
            let read: CallToolResult = answer.outcome.expect("a result").decode().expect("a result");
            prop_assert_eq!(&read.content[0], &result.content[0]);
        }
    }
}

#[test]
fn what_a_session_is_told_of_changes_is_one_text_in_every_stateful_revision() {
    let stateful = || Revision::ALL.into_iter().filter(|revision| !revision.is_modern());
    let updated = ResourceUpdated { uri: "x:1".to_owned(), meta: None };
    let texts = stateful().map(|revision| {
        (
            call_message(None, name::TOOLS_LIST_CHANGED, revision, &Notice::default()),
            call_message(None, name::RESOURCES_UPDATED, revision, &updated),
        )
    });
    let texts: std::collections::BTreeSet<_> = texts.collect();
    assert_eq!(texts.len(), 1, "a group renders a notification once, for sessions of all of them");
}
