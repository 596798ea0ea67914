//! Content: text, pictures, sound, links to resources and resources themselves. A tool returns one of them, or several.

use switchboard::handler::{Ctx, Failure, Tool};
use switchboard::protocol::{Annotations, Content, ResourceContents, ResourceInfo, Role};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::without_arguments("test_simple_text", |_| async { Ok("This is a simple text.") })
            .describe("Answers with a text"),
        Tool::without_arguments("test_image_content", |_| async { Ok(picture()) })
            .describe("Answers with a picture"),
        Tool::without_arguments("test_audio_content", |_| async {
            Ok(Content::audio(&silence(), "audio/wav"))
        })
        .describe("Answers with a sound: a tenth of a second of silence"),
        Tool::without_arguments("test_embedded_resource", |_| async {
            Ok(Content::resource(ResourceContents::text(
                "test://embedded",
                "text/plain",
                "A resource in full.",
            )))
        })
        .describe("Answers with a resource, in full"),
        Tool::without_arguments("test_resource_link", |_| async {
            Ok(Content::link(ResourceInfo::new("test://static-text", "static-text")))
        })
        .describe("Answers with a link to a resource"),
        Tool::without_arguments("test_multiple_content_types", several)
            .describe("Answers with a text, a picture and a resource"),
    ]
}

async fn several(_: Ctx) -> Result<Vec<Content>, Failure> {
    let for_people =
        Annotations { audience: vec![Role::User], priority: Some(0.5), ..Annotations::default() };
    let numbers = r#"{"test":"data","value":123}"#;
    Ok(vec![
        Content::text("A text, a picture and a resource:").annotated(for_people),
        picture(),
        Content::resource(ResourceContents::text("test://mixed", "application/json", numbers)),
    ])
}

/// A red dot.
pub(crate) fn picture() -> Content {
    Content::image(PNG, "image/png")
}

/// One red pixel as PNG.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\xdac\xf8\xcf\xc0\0\0\x03\x01\x01\0\xf7\x03AC\0\0\0\0IEND\xaeB`\x82";

/// A WAV file: 800 samples of 8 bits at 8 kHz, all of them in the middle.
fn silence() -> Vec<u8> {
    const SAMPLES: u32 = 800;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + SAMPLES).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    wav.extend(SAMPLES.to_le_bytes());
    wav.resize(wav.len() + SAMPLES as usize, 0x80);
    wav
}
