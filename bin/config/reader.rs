//! Typed reads from a parsed file, which note what is wrong instead of failing.
//!
//! Everything is known by its path, `http.listen` or `tokens.0.secret`. The reader remembers where each path stood, so a
//! rule that is checked later, on values, can still point into the file.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use switchboard::node::{Config, Setting};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expand::{expand, has_variables};
use super::nearest::nearest;
use super::problem::{Place, Problem, Problems};
use super::read_address;

/// See the [module](self) page.
pub(super) struct Reader<'a> {
    text: &'a str,
    variables: &'a dyn Fn(&str) -> Option<String>,
    places: BTreeMap<String, Place>,
    /// Strings that hold variables: with their values, and as they are written.
    expanded: Vec<(String, String)>,
    problems: Vec<Problem>,
}

/// A table of the file, and its path.
pub(super) struct Table<'t> {
    path: String,
    fields: &'t DeTable<'t>,
}

impl Table<'_> {
    fn path_of(&self, key: impl Display) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Reader<'a> {
    /// Parses the text. Where it is no TOML, what can be read of it is read.
    pub(super) fn parse(
        text: &'a str,
        variables: &'a dyn Fn(&str) -> Option<String>,
    ) -> (Spanned<DeTable<'a>>, Self) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut reader =
            Self { text, variables, places: BTreeMap::new(), expanded: Vec::new(), problems: Vec::new() };
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start).min(text.len());
            let place = Place::of(text, offset);
            let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
            let line = text[line_start..].lines().next().unwrap_or_default();
            let hint = if has_variables(line) { "; a ${VARIABLE} must stand in quotes" } else { "" };
            reader.problems.push(Problem { place, reason: format!("{}{hint}", error.message()) });
        }
        (root, reader)
    }

    /// Opens the root table; see [`table`](Self::table).
    pub(super) fn root<'t>(&mut self, root: &'t Spanned<DeTable<'t>>, known: &[&str]) -> Table<'t> {
        let table = Table { path: String::new(), fields: root.get_ref() };
        self.refuse_unknown(&table, known);
        table
    }

    /// Opens a table, and notes keys in it that are not known.
    pub(super) fn table<'t>(&mut self, parent: &Table<'t>, key: &str, known: &[&str]) -> Option<Table<'t>> {
        let (path, value) = self.find(parent, key)?;
        let Some(fields) = value.get_ref().as_table() else {
            self.wrong_type(&path, "a table", value);
            return None;
        };
        let table = Table { path, fields };
        self.refuse_unknown(&table, known);
        Some(table)
    }

    /// Opens an array of tables.
    pub(super) fn tables<'t>(&mut self, parent: &Table<'t>, key: &str, known: &[&str]) -> Vec<Table<'t>> {
        let Some((path, value)) = self.find(parent, key) else { return Vec::new() };
        let tables =
            value.get_ref().as_array().map(|entries| entries.iter().map(|entry| entry.get_ref().as_table()));
        let Some(tables) = tables.and_then(|mut tables| tables.by_ref().collect::<Option<Vec<_>>>()) else {
            self.wrong_type(&path, &format!("written as [[{key}]]"), value);
            return Vec::new();
        };
        let entries = value.get_ref().as_array().into_iter().flat_map(|entries| entries.iter());
        let mut opened = Vec::new();
        for (at, (fields, entry)) in tables.into_iter().zip(entries).enumerate() {
            let path = format!("{path}.{at}");
            self.note(&path, Place::of(self.text, entry.span().start));
            let table = Table { path, fields };
            self.refuse_unknown(&table, known);
            opened.push(table);
        }
        opened
    }

    /// A string, with its variables put in.
    pub(super) fn text(&mut self, table: &Table<'_>, key: &str) -> Option<String> {
        let (path, value) = self.find(table, key)?;
        self.text_of(&path, value)
    }

    /// A string that must be there and must not be empty.
    pub(super) fn required_text(&mut self, table: &Table<'_>, key: &str) -> Option<String> {
        if !table.fields.contains_key(key) {
            self.refuse(&table.path, format!("`{key}` is missing here"));
            return None;
        }
        let text = self.text(table, key)?;
        if text.is_empty() {
            self.refuse(&table.path_of(key), format!("`{key}` must not be empty"));
            return None;
        }
        Some(text)
    }

    /// Strings.
    pub(super) fn texts(&mut self, table: &Table<'_>, key: &str) -> Option<Vec<String>> {
        let (path, value) = self.find(table, key)?;
        let Some(entries) = value.get_ref().as_array() else {
            self.wrong_type(&path, "an array of strings", value);
            return None;
        };
        let mut texts = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let path = format!("{path}.{at}");
            self.note(&path, Place::of(self.text, entry.span().start));
            // An entry that cannot be used is noted, and keeps its number: the rules for the others point to the right ones.
            // What stands for it breaks no rule of hosts or origins, and is never used.
            texts.push(self.text_of(&path, entry).unwrap_or_else(|| "*".to_owned()));
        }
        Some(texts)
    }

    /// True or false.
    pub(super) fn flag(&mut self, table: &Table<'_>, key: &str) -> Option<bool> {
        let (path, value) = self.find(table, key)?;
        if let Some(flag) = value.get_ref().as_bool() {
            return Some(flag);
        }
        if !value.get_ref().as_str().is_some_and(has_variables) {
            self.wrong_type(&path, "true or false", value);
            return None;
        }
        let flag = self.text_of(&path, value)?.parse().ok();
        if flag.is_none() {
            self.refuse(&path, format!("`{path}` must expand to true or false"));
        }
        flag
    }

    /// A whole number.
    pub(super) fn number(&mut self, table: &Table<'_>, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let (path, value) = self.find(table, key)?;
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let (number, shown) = match value.get_ref() {
            DeValue::Integer(integer) => {
                let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
                (number, format!("not {integer}"))
            }
            DeValue::String(text) if has_variables(text) => {
                (self.text_of(&path, value)?.trim().parse().ok(), format!("which {text:?} does not give"))
            }
            _ => {
                self.wrong_type(&path, &allowed, value);
                return None;
            }
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(&path, format!("`{path}` must be {allowed}, {shown}"));
        }
        number
    }

    /// An address, or `Some(None)` for "off".
    pub(super) fn address(&mut self, table: &Table<'_>, key: &str) -> Option<Option<SocketAddr>> {
        let (path, value) = self.find(table, key)?;
        let text = self.text_of(&path, value)?;
        match read_address(&text) {
            Ok(address) => Some(address),
            Err(reason) => {
                self.refuse(&path, format!("`{path}` {text:?} {reason}"));
                None
            }
        }
    }

    /// Notes a problem with what stands at a path. A string that is quoted in it is shown as it is written: what a variable
    /// holds may be a secret that slipped into the wrong one.
    pub(super) fn refuse(&mut self, path: &str, reason: impl Into<String>) {
        let place = self.place(path);
        let quoted = |text: &String| format!("{text:?}");
        let reason = self.expanded.iter().fold(reason.into(), |reason: String, (value, written)| {
            reason.replace(&quoted(value), &quoted(written))
        });
        self.problems.push(Problem { place, reason });
    }

    /// Remembers where something stands.
    pub(super) fn note(&mut self, path: &str, place: Place) {
        self.places.insert(path.to_owned(), place);
    }

    /// Whether something stands in the file (or on the command line).
    pub(super) fn is_set(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// Notes everything for which the node would refuse these settings.
    pub(super) fn check(&mut self, config: &Config) {
        for problem in config.problems() {
            let path = match problem.setting {
                Setting::HttpListen => "http.listen".to_owned(),
                Setting::HttpPath => "http.path".to_owned(),
                Setting::Host(at) => format!("http.hosts.{at}"),
                Setting::Origin(at) => format!("http.origins.{at}"),
                Setting::TcpListen => "tcp.listen".to_owned(),
                Setting::AdminListen => "admin.listen".to_owned(),
                Setting::Cluster => "cluster".to_owned(),
                Setting::Token(at) => format!("tokens.{at}"),
                Setting::Limits => "limits".to_owned(),
            };
            self.refuse(&path, problem.reason);
        }
    }

    /// The problems, if there are any.
    pub(super) fn finish(mut self, file: &str) -> Option<Problems> {
        self.problems.sort();
        self.problems.dedup();
        let list = self.problems;
        (!list.is_empty()).then(|| Problems { file: file.to_owned(), list })
    }

    fn find<'t>(&mut self, table: &Table<'t>, key: &str) -> Option<(String, &'t Spanned<DeValue<'t>>)> {
        let value = table.fields.get(key)?;
        let path = table.path_of(key);
        self.note(&path, Place::of(self.text, value.span().start));
        Some((path, value))
    }

    fn text_of(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(path, "a string", value);
            return None;
        };
        match expand(text, self.variables) {
            Ok(value) => {
                if has_variables(text) {
                    self.expanded.push((value.clone().into_owned(), text.to_owned()));
                }
                Some(value.into_owned())
            }
            Err(wrong) => {
                wrong.into_iter().for_each(|reason| self.refuse(path, reason));
                None
            }
        }
    }

    fn wrong_type(&mut self, path: &str, expected: &str, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref().type_str() {
            kind @ ("integer" | "array") => format!("an {kind}"),
            kind => format!("a {kind}"),
        };
        self.refuse(path, format!("`{path}` must be {expected}, not {found}"));
    }

    fn refuse_unknown(&mut self, table: &Table<'_>, known: &[&str]) {
        for key in table.fields.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let path = table.path_of(name);
            let advice = match nearest(name, known) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None if known.len() > 12 => {
                    "`switchboard check --example` lists all that there are".to_owned()
                }
                None => format!("known here: {}", known.join(", ")),
            };
            let place = Place::of(self.text, key.span().start);
            self.problems.push(Problem { place, reason: format!("unknown key `{path}`; {advice}") });
        }
    }

    /// Where something stands, or else the nearest thing around it.
    fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            let Some((parent, _)) = path.rsplit_once('.') else { return Place::File };
            path = parent;
        }
    }
}
