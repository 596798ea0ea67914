//! Log levels, as a person writes them.

use super::nearest::nearest;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Checks a level such as `info`, or a list such as `info,switchboard::node=debug`.
///
/// The subscriber's own parser takes a word that is no level for the name of a target, and then logs nothing at all.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn check_level(text: &str) -> Result<(), String> {
    for part in text.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
        if LEVELS.contains(&level) {
            continue;
        }
        let guess =
            nearest(level, &LEVELS).map(|guess| format!(" (did you mean {guess}?)")).unwrap_or_default();
        return Err(format!(
            "{text:?} is no log level{guess}: write one of {}, or a list such as info,switchboard::node=debug",
            LEVELS.join(", ")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_level;

    #[test]
    fn a_word_that_is_no_level_is_refused_and_not_taken_for_a_target() {
        for right in ["info", "off", "info,switchboard=trace", "warn, hyper=off"] {
            assert_eq!(check_level(right), Ok(()));
        }
        assert!(check_level("inof").is_err_and(|reason| reason.contains("did you mean info?")));
        for wrong in ["", "hyper", "info,", "hyper=loud"] {
            assert!(check_level(wrong).is_err(), "{wrong}");
        }
    }
}
