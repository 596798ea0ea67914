//! Forms of every kind of field for the revisions that have elicitation, URLs, and answers.

use super::super::write::to_raw;
use super::*;

const R3: Revision = Revision::V2025_06_18;
const R4: Revision = Revision::V2025_11_25;
const R5: Revision = Revision::V2026_07_28;

fn check(field: Field, old: &str, new: &str) {
    let form = Form::default().required("f", field);
    let wrap = |field: &str| format!(r#"{{"type":"object","properties":{{"f":{field}}},"required":["f"]}}"#);
    assert_eq!(to_raw(&form, R3).as_str(), wrap(old));
    assert_eq!(to_raw(&form, R4).as_str(), wrap(new));
    assert_eq!(to_raw(&form, R5).as_str(), wrap(new));
}

#[test]
fn each_kind_of_field_is_the_schema_that_its_revision_knows() {
    check(Field::text(), r#"{"type":"string"}"#, r#"{"type":"string"}"#);
    check(
        Field::text()
            .titled("T")
            .described("D")
            .between(1.0, 9.0)
            .format(TextFormat::Email)
            .default_text("a@b"),
        r#"{"type":"string","title":"T","description":"D","minLength":1,"maxLength":9,"format":"email"}"#,
        r#"{"type":"string","title":"T","description":"D","minLength":1,"maxLength":9,"format":"email","default":"a@b"}"#,
    );
    check(
        Field::integer().between(0.0, 150.0).default_number(30.0),
        r#"{"type":"integer","minimum":0,"maximum":150}"#,
        r#"{"type":"integer","minimum":0,"maximum":150,"default":30}"#,
    );
    check(Field::number().default_number(9.5), r#"{"type":"number"}"#, r#"{"type":"number","default":9.5}"#);
    let flag = r#"{"type":"boolean","default":true}"#;
    check(Field::boolean().default_flag(true), flag, flag);
    let own = r#"{"type":"string","x":1}"#;
    check(Field::schema(Raw::parse(own.into()).expect("JSON")), own, own);
}

#[test]
fn choices_are_untitled_titled_named_and_of_several() {
    let untitled = r#"{"type":"string","enum":["a","b"]}"#;
    check(Field::one_of(["a", "b"]), untitled, untitled);
    let named = r#"{"type":"string","enum":["a","b"],"enumNames":["A","B"]}"#;
    check(
        Field::one_of([("a", "A"), ("b", "B")]).default_text("b"),
        named,
        r#"{"type":"string","oneOf":[{"const":"a","title":"A"},{"const":"b","title":"B"}],"default":"b"}"#,
    );
    check(Field::one_of_named([("a", "A"), ("b", "B")]), named, named);
    check(
        Field::any_of(["a", "b"]).between(1.0, 2.0).default_text("a").default_text("b"),
        untitled,
        r#"{"type":"array","minItems":1,"maxItems":2,"items":{"type":"string","enum":["a","b"]},"default":["a","b"]}"#,
    );
    check(
        Field::any_of([("a", "A"), ("b", "B")]),
        named,
        r#"{"type":"array","items":{"anyOf":[{"const":"a","title":"A"},{"const":"b","title":"B"}]}}"#,
    );
}

#[test]
fn a_question_has_a_mode_since_there_are_two() {
    let form = ElicitParams::form("m", Form::default());
    let schema = r#""requestedSchema":{"type":"object","properties":{}}}"#;
    assert_eq!(to_raw(&form, R3).as_str(), format!(r#"{{"message":"m",{schema}"#));
    assert_eq!(to_raw(&form, R5).as_str(), format!(r#"{{"mode":"form","message":"m",{schema}"#));
    let url = ElicitParams::url("m", "https://x", "e1");
    let with_id = r#"{"mode":"url","message":"m","elicitationId":"e1","url":"https://x"}"#;
    assert_eq!(to_raw(&url, R4).as_str(), with_id);
    assert_eq!(to_raw(&url, R5).as_str(), r#"{"mode":"url","message":"m","url":"https://x"}"#);
    let known = |params: &ElicitParams| Revision::ALL.map(|revision| params.is_known_in(revision));
    assert_eq!(known(&form), [false, false, true, true, true]);
    assert_eq!(known(&url), [false, false, false, true, true]);
    assert_eq!((form.need(), url.need()), (Need::ElicitationForm, Need::ElicitationUrl));
    let done = ElicitationComplete { elicitation_id: "e1".into() };
    assert_eq!(to_raw(&done, R4).as_str(), r#"{"elicitationId":"e1"}"#);
}

#[test]
fn an_answer_is_read_field_by_field() {
    let read = |text: &str| {
        let raw = Raw::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON");
        ElicitResult::read(&raw).map_err(|fault| fault.message)
    };
    let answer =
        read(r#"{"action":"accept","content":{"n":3,"s":"x","l":["a","b"],"o":"a"}}"#).expect("an answer");
    assert_eq!((answer.action, answer.action.as_str()), (ElicitAction::Accept, "accept"));
    assert_eq!((answer.field::<i64>("n"), answer.field::<String>("s")), (Some(3), Some("x".into())));
    assert_eq!((answer.field::<bool>("s"), answer.field::<bool>("none")), (None, None));
    assert_eq!(
        (answer.choices("l"), answer.choices("o")),
        (vec!["a".into(), "b".into()], vec!["a".to_owned()])
    );
    assert_eq!(read(r#"{"action":"decline"}"#).map(|answer| answer.content), Ok(None));
    assert_eq!(read("{}"), Err("`action` is missing".into()));
    let shrug = read(r#"{"action":"shrug"}"#);
    assert_eq!(
        shrug,
        Err("`action`: unknown variant `shrug`, expected one of `accept`, `decline`, `cancel`".into())
    );
    assert_eq!(read(r#"{"action":"accept","content":[]}"#), Err("`content` must be an object".into()));
}

#[test]
fn what_comes_back_is_held_to_the_form() {
    let form = Form::default()
        .required("name", Field::text().between(1.0, 3.0))
        .optional("age", Field::integer().between(0.0, 150.0))
        .optional("colours", Field::any_of(["red", "blue"]));
    let check = |content: &str, revision: Revision, expect: Result<(), &str>| {
        let content = Raw::parse(bytes::Bytes::copy_from_slice(content.as_bytes())).expect("JSON");
        let got = form.check(&content, revision).map_err(|fault| fault.message);
        assert_eq!(got, expect.map_err(str::to_owned), "{content:?}");
    };
    check(r#"{"name":"Ann","age":7,"colours":["red"]}"#, R4, Ok(()));
    check(r#"{"name":"Ann","colours":"red"}"#, R3, Ok(()));
    check("{}", R4, Err("`content`: \"name\" is a required property"));
    check(r#"{"name":"Annabel"}"#, R4, Err("`content/name`: \"Annabel\" is longer than 3 characters"));
    check(r#"{"name":"Ann","age":1.5}"#, R4, Err("`content/age`: 1.5 is not of type \"integer\""));
}
