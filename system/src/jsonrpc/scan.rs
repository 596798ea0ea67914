//! One pass over a message before it is parsed: how deep does it nest?
//!
//! serde_json's own limit does not hold for text that is skipped or carried, so a message of a million brackets would
//! pass it. This scan does not validate: what it lets through, the parser still judges.

use memchr::memchr2;

/// The message nests deeper than the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("nested deeper than {depth_max} levels")]
pub struct TooDeep {
    /// The limit.
    pub depth_max: usize,
}

/// Checks that arrays and objects nest at most `depth_max` deep.
///
/// # Errors
/// [`TooDeep`] at the first bracket beyond the limit; nothing past it was looked at.
pub fn scan(text: &[u8], depth_max: usize) -> Result<(), TooDeep> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = after_string(text, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return Err(TooDeep { depth_max });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The index after the quote that closes the string which starts at `at`; the end of the text where none does.
fn after_string(text: &[u8], mut at: usize) -> usize {
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
