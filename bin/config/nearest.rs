//! Guesses at what somebody meant to write.

/// The known word that somebody may have meant: one with little else in it, or one whose unit was left out.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(word, known);
    let best = known.iter().copied().min_by_key(|known| distance(known))?;
    if distance(best) <= (best.len() / 3).max(1) {
        return Some(best);
    }
    let is_cut_short = |known: &&&str| word.len() > 3 && known.starts_with(word);
    known.iter().find(is_cut_short).copied()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_and_a_missing_unit_are_guessed_and_another_word_is_not() {
        let known = ["listen", "path", "idle_ms_max", "retry_ms"];
        assert_eq!(nearest("lisen", &known), Some("listen"));
        assert_eq!(nearest("idle_max_ms", &known), None);
        assert_eq!(nearest("retry", &known), Some("retry_ms"));
        assert_eq!(nearest("port", &known), None);
        assert_eq!(nearest("anything", &[]), None);
    }
}
