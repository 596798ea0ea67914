//! Levels of log messages, and the message itself.
//!
//! Source: `server/utilities/logging` of every revision; the levels are those of RFC 5424.

use serde::Deserialize;

use crate::jsonrpc::Raw;

use super::write::{Object, Shape};
use super::{Fault, Revision, params};

/// How severe a log message is. More severe is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For those who debug.
    Debug,
    /// As expected.
    Info,
    /// As expected, and worth to know.
    Notice,
    /// May become an error.
    Warning,
    /// Something failed.
    Error,
    /// A part failed.
    Critical,
    /// Someone must act now.
    Alert,
    /// Nothing works.
    Emergency,
}

impl LogLevel {
    const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The level of a number, as `level as u8` gives it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// Reads the parameters of `logging/setLevel` (legacy).
    ///
    /// # Errors
    /// -32602 for a level that does not exist.
    pub fn read_params(raw: &Raw) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            level: Option<&'a serde_json::value::RawValue>,
        }
        params::required("level", params::fields::<Fields<'_>>(raw)?.level)
    }
}

/// Parameters of `notifications/message`.
#[derive(Clone, PartialEq, Debug)]
pub struct LogMessage {
    /// How severe.
    pub level: LogLevel,
    /// Who logs.
    pub logger: Option<String>,
    /// What: any JSON value.
    pub data: Raw,
    /// Metadata: an object.
    pub meta: Option<Raw>,
}

impl Shape for LogMessage {
    fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        Object::write(out, revision, |object| {
            object.text("level", self.level.as_str());
            object.text("logger", self.logger.as_deref());
            object.shape("data", &self.data);
            object.maybe("_meta", self.meta.as_ref());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::to_raw;
    use super::*;

    fn raw(text: &'static str) -> Raw {
        Raw::parse(text.into()).expect("JSON")
    }

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(LogLevel::Debug < LogLevel::Info && LogLevel::Alert < LogLevel::Emergency);
        assert_eq!(LogLevel::read_params(&raw(r#"{"level":"critical"}"#)), Ok(LogLevel::Critical));
        let fault = LogLevel::read_params(&raw(r#"{"level":"loud"}"#)).expect_err("no such level");
        assert!(fault.code == -32602 && fault.message.starts_with("`level`: unknown variant `loud`"));
        assert_eq!(LogLevel::read_params(&raw("{}")).expect_err("absent").message, "`level` is missing");
    }

    #[test]
    fn a_message_is_written() {
        let message = LogMessage {
            level: LogLevel::Error,
            logger: Some("db".into()),
            data: raw(r#"{"host":"x"}"#),
            meta: None,
        };
        let text = to_raw(&message, Revision::V2024_11_05);
        assert_eq!(text.as_str(), r#"{"level":"error","logger":"db","data":{"host":"x"}}"#);
    }
}
