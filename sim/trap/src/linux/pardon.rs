//! The one clock reader that is let through: each time a connection of hyper's server is polled, it looks whether the text of its
//! `Date` header has become too old, even where that header is switched off, as it is in a node. What it reads decides nothing.

use std::sync::RwLock;

use backtrace::{Frame, resolve_frame, trace};

use crate::aside;

/// Where it reads.
const PARDONED: &str = "hyper::common::date::";
/// So few frames lie between it and the C library.
const FRAMES_MAX: usize = 8;

/// Places in the code that were found to be such: to find out by name takes long, and it happens often.
static KNOWN: RwLock<Vec<usize>> = RwLock::new(Vec::new());

/// Whether whoever reads the clock right now may.
pub(super) fn is_pardoned() -> bool {
    let place = 0_u8;
    aside(|| comes_through(&raw const place, is_known) || comes_through(&raw const place, learn))
}

/// Whether one of the nearest callers, further up the stack than this place, is such.
fn comes_through(place: *const u8, is_such: fn(&Frame) -> bool) -> bool {
    let (mut frames, mut found) = (0, false);
    trace(|frame| {
        if frame.sp().cast_const().cast() > place {
            frames += 1;
            found = is_such(frame);
        }
        !found && frames < FRAMES_MAX
    });
    found
}

fn is_known(frame: &Frame) -> bool {
    KNOWN.read().is_ok_and(|known| known.contains(&address(frame)))
}

fn learn(frame: &Frame) -> bool {
    let mut is_pardoned = false;
    resolve_frame(frame, |symbol| {
        is_pardoned |= symbol.name().is_some_and(|name| name.to_string().contains(PARDONED));
    });
    if let Ok(mut known) = KNOWN.write()
        && is_pardoned
    {
        known.push(address(frame));
    }
    is_pardoned
}

fn address(frame: &Frame) -> usize {
    frame.ip() as usize
}
