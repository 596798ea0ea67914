//! `${VAR}` and `${VAR:-default}` in the strings of a configuration.
//!
//! It is done after the file was parsed, inside of strings only: a variable's value can never become a key, a table or the
//! end of its string, whatever it contains.

use std::borrow::Cow;

/// Whether there is anything to expand.
pub(super) fn has_variables(text: &str) -> bool {
    text.contains("${")
}

/// Puts the values of variables in. `$${` stands for `${` itself; any other `$` for itself.
///
/// # Errors
/// Everything that is wrong: names, never values.
pub(super) fn expand<'t>(
    text: &'t str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Cow<'t, str>, Vec<String>> {
    if !has_variables(text) {
        return Ok(Cow::Borrowed(text));
    }
    let (mut expanded, mut wrong) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &from[2..];
            continue;
        }
        expanded.push_str(before);
        let Some((inside, after)) = from[2..].split_once('}') else {
            wrong.push("`${` is never closed by `}`; `$${` stands for the two characters".to_owned());
            return Err(wrong);
        };
        match value(inside, variables) {
            Ok(value) => expanded.push_str(&value),
            Err(reason) => wrong.push(reason),
        }
        rest = after;
    }
    expanded.push_str(rest);
    if wrong.is_empty() { Ok(Cow::Owned(expanded)) } else { Err(wrong) }
}

fn value(inside: &str, variables: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| !first.is_ascii_digit());
    if !is_name {
        return Err("`${…}` must hold the name of a variable (letters, digits and _), \
                    with `:-` and a default behind it where there is one"
            .to_owned());
    }
    match (variables(name), default) {
        // As in a shell: the default also stands in for an empty value.
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => {
            Err(format!("the variable {name} is not set: set it, or give a default as ${{{name}:-…}}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let variables = |name: &str| match name {
            "A" => Some("alpha".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${A}".to_owned()),
            _ => None,
        };
        let result = expand(text, &variables).map_err(|wrong| wrong.join("; "));
        match expect {
            Ok(expect) => assert_eq!(result.as_deref(), Ok(expect), "{text}"),
            Err(part) => {
                assert!(result.as_ref().is_err_and(|wrong| wrong.contains(part)), "{text}: {result:?}");
            }
        }
    }

    #[test]
    fn variables_are_put_in_once_and_defaults_where_they_are_unset_or_empty() {
        check("plain $5 }", Ok("plain $5 }"));
        check("${A}", Ok("alpha"));
        check("<${A}|${A}>", Ok("<alpha|alpha>"));
        check("${B:-beta}${EMPTY:-e}${A:-x}", Ok("betaealpha"));
        check("${EMPTY}${B:-}", Ok(""));
        check("${NESTED}", Ok("${A}"));
        check("$${A} and $$", Ok("${A} and $$"));
        check("${B:-a:-b}", Ok("a:-b"));
    }

    #[test]
    fn each_variable_that_is_missing_is_named() {
        check("${B}", Err("the variable B is not set"));
        check("${B}${A}${C}", Err("C is not set"));
        check("${A", Err("never closed"));
        check("${}", Err("must hold the name"));
        check("${A-b}", Err("must hold the name"));
        check("${1}", Err("must hold the name"));
    }
}
