//! Media types: what a client takes, and what it sent.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

use super::names::{APPLICATION_JSON, TEXT_EVENT_STREAM};

/// Which of the two kinds of answer a client takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepts {
    /// `application/json`.
    pub json: bool,
    /// `text/event-stream`.
    pub events: bool,
}

impl Accepts {
    /// Reads `Accept` (RFC 9110 §12.5.1). Without one, or with an empty one, a client takes anything. The most specific
    /// range decides, `q=0` means no, and what is no media range is skipped.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let (mut json, mut events) = (Verdict::default(), Verdict::default());
        let mut is_any = true;
        for value in headers.get_all(ACCEPT) {
            for entry in split_unquoted(value.as_bytes(), b',') {
                is_any = is_any && entry.trim_ascii().is_empty();
                if let Some((range, is_wanted)) = media_range(entry) {
                    json.hear(range, is_wanted, APPLICATION_JSON);
                    events.hear(range, is_wanted, TEXT_EVENT_STREAM);
                }
            }
        }
        Self { json: is_any || json.is_wanted, events: is_any || events.is_wanted }
    }

    /// Whether it takes both, as `basic/transports` demands of a client that posts.
    #[must_use]
    pub const fn both(self) -> bool {
        self.json && self.events
    }
}

/// Whether the body is said to be `application/json`, with whatever parameters. Absent, repeated and other types are not:
/// 415. This also keeps out what a page may post across origins without a preflight.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(APPLICATION_JSON.as_bytes())
}

/// What the most specific range so far has said of one media type.
#[derive(Default)]
struct Verdict {
    rank: u8,
    is_wanted: bool,
}

impl Verdict {
    fn hear(&mut self, range: &[u8], is_wanted: bool, media_type: &str) {
        let slash = media_type.find('/').expect("a media type must have a slash");
        let is_kind = |range: &[u8]| {
            range
                .strip_suffix(b"/*")
                .is_some_and(|kind| kind.eq_ignore_ascii_case(&media_type.as_bytes()[..slash]))
        };
        let rank = if range == b"*/*" {
            1
        } else if is_kind(range) {
            2
        } else if range.eq_ignore_ascii_case(media_type.as_bytes()) {
            3
        } else {
            return;
        };
        if rank > self.rank {
            *self = Self { rank, is_wanted };
        } else if rank == self.rank {
            // The same range twice, such as with and without a parameter: one that is wanted suffices.
            self.is_wanted |= is_wanted;
        }
    }
}

/// A media range without its parameters, and whether its weight is above zero.
fn media_range(entry: &[u8]) -> Option<(&[u8], bool)> {
    let mut parts = split_unquoted(entry, b';').map(<[u8]>::trim_ascii);
    let range = parts.next().filter(|range| range.contains(&b'/'))?;
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_at_checked(2)?;
        name.eq_ignore_ascii_case(b"q=").then(|| value.trim_ascii())
    });
    // A weight is a number with at most three decimals; zero is the only one that says no.
    let is_zero = weight.is_some_and(|weight| {
        weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
    });
    Some((range, !is_zero))
}

/// Splits at a separator that does not stand in a quoted string.
fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'"' if !was_escaped => is_quoted = !is_quoted,
            b'\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => {}
        }
        !is_quoted && *byte == separator
    })
}
