//! Golden texts of every kind of content for the revisions where they differ.

use super::super::write::to_raw;
use super::*;

const R1: Revision = Revision::V2024_11_05;
const R2: Revision = Revision::V2025_03_26;
const R3: Revision = Revision::V2025_06_18;
const R5: Revision = Revision::V2026_07_28;

fn check(content: &Content, revisions: &[Revision], expect: &str) {
    for revision in revisions {
        assert_eq!(to_raw(content, *revision).as_str(), expect, "{revision}");
    }
}

fn full(mut content: Content) -> Content {
    let hints = Annotations {
        audience: vec![Role::User],
        priority: Some(1.0),
        last_modified: Some("2025-01-01".into()),
    };
    if let Content::Text { meta, .. } | Content::Audio { meta, .. } | Content::Resource { meta, .. } =
        &mut content
    {
        *meta = Some(Raw::parse(r#"{"k":1}"#.into()).expect("JSON"));
    }
    content.annotated(hints)
}

#[test]
fn text_loses_what_a_revision_does_not_know() {
    let old = r#"{"type":"text","text":"a\nb","annotations":{"audience":["user"],"priority":1}}"#;
    let new = r#"{"type":"text","text":"a\nb","annotations":{"audience":["user"],"priority":1,"lastModified":"2025-01-01"},"_meta":{"k":1}}"#;
    let text = full(Content::text("a\nb"));
    check(&text, &[R1, R2], old);
    check(&text, &[R3, Revision::V2025_11_25, R5], new);
    check(&Content::text(""), &Revision::ALL, r#"{"type":"text","text":""}"#);
}

#[test]
fn an_image_is_the_same_in_every_revision() {
    let expect = r#"{"type":"image","data":"AQID","mimeType":"image/png"}"#;
    check(&Content::image(&[1, 2, 3], "image/png"), &Revision::ALL, expect);
}

#[test]
fn audio_is_a_resource_before_there_was_audio() {
    let audio = Content::audio(&[255], "audio/wav");
    let old =
        r#"{"type":"resource","resource":{"uri":"content:audio","mimeType":"audio/wav","blob":"/w=="}}"#;
    check(&audio, &[R1], old);
    check(&audio, &[R2, R3, R5], r#"{"type":"audio","data":"/w==","mimeType":"audio/wav"}"#);
}

#[test]
fn a_link_is_a_line_of_text_before_there_were_links() {
    let mut link = ResourceInfo::new("file:///a", "a");
    link.title = Some("The A".into());
    link.description = Some("about a".into());
    let link = Content::link(link);
    check(&link, &[R1, R2], r#"{"type":"text","text":"The A: file:///a (about a)"}"#);
    let new =
        r#"{"type":"resource_link","uri":"file:///a","name":"a","title":"The A","description":"about a"}"#;
    check(&link, &[R3, R5], new);
}

#[test]
fn an_embedded_resource_is_text_or_blob() {
    let text = full(Content::resource(ResourceContents::text("a:1", "text/plain", "x")));
    let old = r#"{"type":"resource","resource":{"uri":"a:1","mimeType":"text/plain","text":"x"},"annotations":{"audience":["user"],"priority":1}}"#;
    check(&text, &[R1, R2], old);
    let blob = Content::resource(ResourceContents::blob("a:1", "x/y", &[0]));
    let expect = r#"{"type":"resource","resource":{"uri":"a:1","mimeType":"x/y","blob":"AA=="}}"#;
    check(&blob, &Revision::ALL, expect);
}

#[test]
fn what_is_written_is_read_back() {
    for content in [
        full(Content::text("x")),
        Content::image(&[1], "image/png"),
        full(Content::audio(&[1], "audio/wav")),
        Content::link(ResourceInfo::new("a:1", "n")),
        full(Content::resource(ResourceContents::text("a:1", "text/plain", "x"))),
        Content::resource(ResourceContents::blob("a:1", "x/y", &[0])),
    ] {
        let text = to_raw(&content, R5);
        assert_eq!(text.decode::<Content>().expect("content"), content);
    }
}

#[test]
fn what_is_no_content_is_refused_by_name() {
    let check = |text: &str, expect: &str| {
        let error = serde_json::from_str::<Content>(text).expect_err(text).to_string();
        assert!(error.starts_with(expect), "{error}");
    };
    check(r#"{"type":"video"}"#, "unknown content type `video`");
    check(r#"{"text":"x"}"#, "unknown content type ``");
    check(r#"{"type":"text"}"#, "missing field `text`");
    check(r#"{"type":"image","data":""}"#, "missing field `mimeType`");
    check(r#"{"type":"resource","resource":{"uri":"a"}}"#, "contents have either `text` or `blob`");
}

#[test]
fn base64_is_the_standard_alphabet_with_padding() {
    assert_eq!(from_base64(&to_base64(&[0, 255, 7])).as_deref(), Ok(&[0, 255, 7][..]));
    assert!(from_base64("SGVsbG8").is_err() && from_base64("SGVs!!!bG8=").is_err());
}
