//! What a server asks of a client, and how the questions travel.
//!
//! In a session a question is a request of ours. In the modern era the questions ride in the result of the client's own
//! request, which it sends again with the answers ([`InputRequired`], [`InputAnswers`]); those of a task ride in the
//! task. The question itself is the same value in all cases.
//!
//! Source: 2026-07-28 `basic/patterns/mrtr`; SEP-2663, Task Update Requests; `client/*` of each revision.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jsonrpc::Raw;

use super::method::name;
use super::shape::ResultShape;
use super::write::{Object, Shape, to_raw};
use super::{ClientCapabilities, CreateMessageParams, ElicitParams, Fault, Need, Revision, params};

/// A question to a client.
#[derive(Clone, PartialEq, Debug)]
pub enum Ask {
    /// To its model.
    Sample(Box<CreateMessageParams>),
    /// To its user.
    Elicit(ElicitParams),
    /// For its roots.
    Roots,
}

impl From<CreateMessageParams> for Ask {
    fn from(params: CreateMessageParams) -> Self {
        Self::Sample(Box::new(params))
    }
}

impl From<ElicitParams> for Ask {
    fn from(params: ElicitParams) -> Self {
        Self::Elicit(params)
    }
}

impl Ask {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Sample(_) => name::SAMPLING_CREATE_MESSAGE,
            Self::Elicit(_) => name::ELICITATION_CREATE,
            Self::Roots => name::ROOTS_LIST,
        }
    }

    /// What the client must have declared.
    #[must_use]
    pub fn needs(&self, revision: Revision) -> Vec<Need> {
        match self {
            Self::Sample(params) => params.needs(revision),
            Self::Elicit(params) => vec![params.need()],
            Self::Roots => vec![Need::Roots],
        }
    }

    /// Checks that a client of a revision may be asked this.
    ///
    /// # Errors
    /// -32021 with what the client lacks in the modern era (2026-07-28 `basic/index`, Per-request protocol fields). The
    /// legacy revisions have no code for it: -32600 there.
    pub fn check(&self, revision: Revision, client: &ClientCapabilities) -> Result<(), Fault> {
        let known = match self {
            Self::Elicit(params) => params.is_known_in(revision),
            Self::Sample(_) | Self::Roots => true,
        };
        match client.missing(&self.needs(revision)) {
            None if known => Ok(()),
            Some(missing) if revision.is_modern() => Err(Fault::missing_capability(missing)),
            _ => Err(Fault::invalid_request(format!("The client cannot be asked for {}", self.method()))),
        }
    }

    /// The parameters, with `_meta` (an object) beside them.
    #[must_use]
    pub fn params(&self, revision: Revision, meta: Option<&Raw>) -> Raw {
        to_raw(&WithMeta { ask: self, meta }, revision)
    }

    fn members(&self, object: &mut Object<'_>) {
        match self {
            Self::Sample(params) => params.members(object),
            Self::Elicit(params) => params.members(object),
            Self::Roots => {}
        }
    }
}

/// The parameters.
impl Shape for Ask {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        WithMeta { ask: self, meta: None }.write(revision, out);
    }
}

struct WithMeta<'a> {
    ask: &'a Ask,
    meta: Option<&'a Raw>,
}

impl Shape for WithMeta<'_> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            self.ask.members(object);
            object.maybe("_meta", self.meta);
        });
    }
}

/// Questions by the keys that their answers will have.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InputRequests(pub Vec<(String, Ask)>);

impl Shape for InputRequests {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            for (key, ask) in &self.0 {
                Object::write(object.key_text(key), revision, |request| {
                    request.text("method", ask.method());
                    request.shape("params", ask);
                });
            }
        });
    }
}

/// The result that asks for answers before there can be another (modern). Has questions, a state or both.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InputRequired {
    /// The questions.
    pub requests: InputRequests,
    /// What the client must send back as it is. To us it then comes from an attacker: seal it.
    pub state: Option<String>,
}

impl ResultShape for InputRequired {
    fn members(&self, object: &mut Object<'_>) {
        if !self.requests.0.is_empty() {
            object.shape("inputRequests", &self.requests);
        }
        object.text("requestState", self.state.as_deref());
    }

    fn result_type(&self) -> &'static str {
        "input_required"
    }
}

/// What a client sends with a request that it sends again, or with `tasks/update`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InputAnswers {
    /// The answers: results of the questions with the same keys.
    pub responses: BTreeMap<String, Raw>,
    /// The state that came with the questions.
    pub state: Option<String>,
}

impl InputAnswers {
    /// Reads `inputResponses` and `requestState` out of parameters. Absent ones are a first attempt.
    ///
    /// # Errors
    /// -32602 that names the field.
    pub fn read(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow, default)]
            input_responses: Option<&'a RawValue>,
            #[serde(borrow, default)]
            request_state: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = params::fields(raw)?;
        Ok(Self {
            responses: responses(raw, fields.input_responses)?.unwrap_or_default(),
            state: params::optional("requestState", fields.request_state)?,
        })
    }

    /// Whether this is a first attempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty() && self.state.is_none()
    }
}

/// A map of answers, each a slice of the message.
pub(super) fn responses(
    whole: &Raw,
    field: Option<&RawValue>,
) -> Result<Option<BTreeMap<String, Raw>>, Fault> {
    let map: Option<BTreeMap<String, &RawValue>> = params::optional("inputResponses", field)?;
    let slice = |(key, raw): (String, &RawValue)| (key, Raw::slice_of(whole.bytes(), raw));
    Ok(map.map(|map| map.into_iter().map(slice).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::shape::result_raw;
    use super::super::{Form, meta};
    use super::*;

    fn raw(text: &'static str) -> Raw {
        Raw::parse(text.into()).expect("JSON")
    }

    #[test]
    fn questions_ride_in_a_result_of_their_own() {
        let required = InputRequired {
            requests: InputRequests(vec![
                ("user_name".into(), ElicitParams::form("Who?", Form::default()).into()),
                ("r\"".into(), Ask::Roots),
            ]),
            state: Some("sealed".into()),
        };
        assert_eq!(
            result_raw(Revision::V2026_07_28, &required, None).as_str(),
            r#"{"resultType":"input_required","inputRequests":{"user_name":{"method":"elicitation/create","params":{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{}}}},"r\"":{"method":"roots/list","params":{}}},"requestState":"sealed"}"#
        );
        let only = InputRequired { state: Some("s".into()), ..InputRequired::default() };
        let text = result_raw(Revision::V2026_07_28, &only, None);
        assert_eq!(text.as_str(), r#"{"resultType":"input_required","requestState":"s"}"#);
    }

    #[test]
    fn answers_are_slices_by_key() {
        let read = |text: &'static str| InputAnswers::read(&raw(text)).map_err(|fault| fault.message);
        assert!(read(r#"{"name":"t"}"#).expect("none").is_empty());
        let answers =
            read(r#"{"inputResponses":{"a":{"action":"accept"},"b":1},"requestState":"s"}"#).expect("two");
        assert_eq!(answers.responses["a"].as_str(), r#"{"action":"accept"}"#);
        assert_eq!((answers.responses.len(), answers.state.as_deref()), (2, Some("s")));
        assert!(
            read(r#"{"inputResponses":[]}"#)
                .expect_err("a list")
                .starts_with("`inputResponses`: invalid type")
        );
        assert!(
            read(r#"{"requestState":{}}"#)
                .expect_err("an object")
                .starts_with("`requestState`: invalid type")
        );
    }

    #[test]
    fn a_client_is_asked_only_what_it_declared_and_its_revision_knows() {
        let check = |ask: &Ask, revision: Revision, declared: &'static str, expect: Result<(), i64>| {
            let client = ClientCapabilities::read(&raw(declared)).expect("capabilities");
            assert_eq!(
                ask.check(revision, &client).map_err(|fault| fault.code),
                expect,
                "{ask:?} {declared}"
            );
        };
        let (old, mid, new) = (Revision::V2025_03_26, Revision::V2025_06_18, Revision::V2026_07_28);
        let form = Ask::from(ElicitParams::form("m", Form::default()));
        check(&form, new, r#"{"elicitation":{}}"#, Ok(()));
        check(&form, new, "{}", Err(-32021));
        check(&form, mid, "{}", Err(-32600));
        check(&form, old, r#"{"elicitation":{}}"#, Err(-32600));
        check(&Ask::Roots, old, r#"{"roots":{}}"#, Ok(()));
        check(&CreateMessageParams::text("x", 1).into(), new, "{}", Err(-32021));
    }

    #[test]
    fn a_question_of_a_task_says_whose_it_is() {
        let params = Ask::Roots.params(Revision::V2025_11_25, Some(&meta::related_task("t1")));
        let expect = r#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t1"}}}"#;
        assert_eq!(params.as_str(), expect);
    }
}
