//! Writing JSON straight into the buffer that goes out.
//!
//! Results are written by hand and not through serde for two reasons: what is written depends on the revision, and what
//! we only carry ([`Raw`]) is copied as it is, where serde_json would parse it once more. Keys are our own and need no
//! escaping; keys from outside go through [`Object::key_text`].

use std::io::Write;

use crate::jsonrpc::Raw;

use super::Revision;

/// A value as it is written for a revision.
pub trait Shape {
    /// Appends it as one JSON value.
    fn write(&self, revision: Revision, out: &mut Vec<u8>);
}

impl<T: Shape + ?Sized> Shape for &T {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        (**self).write(revision, out);
    }
}

impl<T: Shape + ?Sized> Shape for Box<T> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        (**self).write(revision, out);
    }
}

impl<T: Shape + ?Sized> Shape for std::sync::Arc<T> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        (**self).write(revision, out);
    }
}

impl Shape for Raw {
    fn write(&self, _: Revision, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes());
    }
}

impl Shape for str {
    fn write(&self, _: Revision, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("a string must encode");
    }
}

impl Shape for String {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        self.as_str().write(revision, out);
    }
}

impl<T: Shape> Shape for [T] {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        write_array(self, revision, out);
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        write_array(self, revision, out);
    }
}

/// Writes items as an array.
pub fn write_array<T: Shape>(items: impl IntoIterator<Item = T>, revision: Revision, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item.write(revision, out);
    }
    out.push(b']');
}

/// A value as a text of its own.
#[must_use]
pub fn to_raw<T: Shape + ?Sized>(value: &T, revision: Revision) -> Raw {
    let mut out = Vec::with_capacity(256);
    value.write(revision, &mut out);
    Raw::trusted(out.into())
}

/// An object that is being written. Members that are `None` are left out.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    revision: Revision,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Writes a whole object.
    pub fn write(out: &'a mut Vec<u8>, revision: Revision, members: impl FnOnce(&mut Self)) {
        out.push(b'{');
        let mut object = Self { out, revision, empty: true };
        members(&mut object);
        object.out.push(b'}');
    }

    /// The revision that it is written for.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Writes a key of ours; its value must follow.
    pub fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes a key from outside; its value must follow.
    pub fn key_text(&mut self, key: &str) -> &mut Vec<u8> {
        self.separate();
        key.write(self.revision, self.out);
        self.out.push(b':');
        self.out
    }

    /// A string.
    pub fn text<'t>(&mut self, key: &'static str, value: impl Into<Option<&'t str>>) {
        self.maybe(key, value.into());
    }

    /// Any value.
    pub fn shape<T: Shape>(&mut self, key: &'static str, value: T) {
        let revision = self.revision;
        value.write(revision, self.key(key));
    }

    /// Any value, or none.
    pub fn maybe<T: Shape>(&mut self, key: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.shape(key, value);
        }
    }

    /// A list, left out when it is empty.
    pub fn list<T: Shape>(&mut self, key: &'static str, items: &[T]) {
        if !items.is_empty() {
            self.shape(key, items);
        }
    }

    /// An integer.
    pub fn integer(&mut self, key: &'static str, value: impl Into<Option<i64>>) {
        if let Some(value) = value.into() {
            let out = self.key(key);
            write!(out, "{value}").expect("memory must take writes");
        }
    }

    /// A count.
    pub fn count(&mut self, key: &'static str, value: impl Into<Option<u64>>) {
        if let Some(value) = value.into() {
            let out = self.key(key);
            write!(out, "{value}").expect("memory must take writes");
        }
    }

    /// A number. What JSON cannot say (infinite, not a number) is left out.
    pub fn number(&mut self, key: &'static str, value: impl Into<Option<f64>>) {
        let Some(value) = value.into().filter(|value| value.is_finite()) else { return };
        let out = self.key(key);
        if value.fract() == 0.0 && value.abs() < 1e15 {
            // 3, not 3.0: some clients hold an integer to be one only without the point.
            write!(out, "{value:.0}").expect("memory must take writes");
        } else {
            serde_json::to_writer(out, &value).expect("a finite number must encode");
        }
    }

    /// A truth value.
    pub fn flag(&mut self, key: &'static str, value: impl Into<Option<bool>>) {
        if let Some(value) = value.into() {
            let word: &[u8] = if value { b"true" } else { b"false" };
            self.key(key).extend_from_slice(word);
        }
    }

    /// An object within.
    pub fn object(&mut self, key: &'static str, members: impl FnOnce(&mut Object<'_>)) {
        let revision = self.revision;
        Object::write(self.key(key), revision, members);
    }

    fn separate(&mut self) {
        if self.empty {
            self.empty = false;
        } else {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_separated_escaped_and_left_out_where_absent() {
        let mut out = Vec::new();
        Object::write(&mut out, Revision::V2025_11_25, |object| {
            object.text("a", "line\n\"é\"");
            object.text("b", None);
            object.integer("c", -3);
            object.number("d", 0.5);
            object.number("e", 100.0);
            object.number("f", f64::NAN);
            object.flag("g", true);
            object.object("h", |inner| inner.key_text("k\"").extend_from_slice(b"1"));
            object.list::<String>("i", &[]);
            object.list("j", &["x".to_owned(), "y".to_owned()]);
        });
        let expect = r#"{"a":"line\n\"é\"","c":-3,"d":0.5,"e":100,"g":true,"h":{"k\"":1},"j":["x","y"]}"#;
        assert_eq!(String::from_utf8(out).as_deref(), Ok(expect));
    }
}
