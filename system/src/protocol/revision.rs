//! The five revisions of the protocol, their order, and what each of them knows.
//!
//! Two eras: the **legacy** revisions open with `initialize` and hold a session; the **modern** one carries everything
//! on each request. What a revision knows is asked through the predicates here, never by comparing with a date
//! elsewhere: then one place says when a feature came or went.
//!
//! Source: the changelogs of each revision; the words *legacy* and *modern* are those of 2026-07-28
//! `basic/versioning`, Terminology.

use std::fmt;

/// A revision of the protocol. Later is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Revision {
    /// The first: HTTP+SSE.
    V2024_11_05,
    /// Streamable HTTP, batches, audio, tool annotations.
    V2025_03_26,
    /// Structured output, elicitation, resource links, titles; no more batches.
    V2025_06_18,
    /// Tasks in the core, icons, URL elicitation, tools in sampling. The last with sessions.
    V2025_11_25,
    /// Stateless.
    V2026_07_28,
}

impl Revision {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The revision of a number, as `revision as u8` gives it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What an `initialize` that asks for a revision unknown to us is offered.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// What a modern message is read as where it does not say (a notification on a line).
    pub const LATEST_MODERN: Self = Self::V2026_07_28;

    /// What an HTTP request without a version header is read as when no session tells (2025-06-18 `basic/transports`,
    /// Protocol Version Header).
    pub const WITHOUT_HEADER: Self = Self::V2025_03_26;

    /// The names of all revisions, newest first: what `server/discover` and -32022 offer a client to choose from.
    pub const SUPPORTED: [&'static str; 5] =
        ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Reads a name. Only the exact text counts.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// The answer to an `initialize` that asks for `requested`: the same if it is a legacy revision that we know, else
    /// the latest that opens with `initialize` (2025-11-25 `basic/lifecycle`, Version Negotiation).
    #[must_use]
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested).filter(|revision| !revision.is_modern()).unwrap_or(Self::LATEST_LEGACY)
    }

    /// Stateless, with the metadata of each request in its `_meta`.
    #[must_use]
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }

    /// JSON-RPC batches: part of JSON-RPC at first, named in 2025-03-26, removed in 2025-06-18.
    #[must_use]
    pub const fn has_batches(self) -> bool {
        matches!(self, Self::V2024_11_05 | Self::V2025_03_26)
    }

    /// Audio content, tool annotations, the `completions` capability, messages on progress (since 2025-03-26).
    #[must_use]
    pub fn has_audio(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Tool annotations (since 2025-03-26).
    #[must_use]
    pub fn has_tool_annotations(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// The `message` of a progress notification (since 2025-03-26).
    #[must_use]
    pub fn has_progress_message(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// The `completions` capability (since 2025-03-26; completion itself is older).
    #[must_use]
    pub fn has_completions_capability(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// `title` beside `name` (since 2025-06-18).
    #[must_use]
    pub fn has_titles(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// `_meta` on tools, resources, prompts and content, not only on params and results (since 2025-06-18).
    #[must_use]
    pub fn has_meta_everywhere(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// `outputSchema` and `structuredContent` (since 2025-06-18).
    #[must_use]
    pub fn has_structured_output(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Structured output may be any JSON value, not only an object (since 2026-07-28, SEP-2106).
    #[must_use]
    pub fn has_any_structured_output(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Links to resources in content (since 2025-06-18).
    #[must_use]
    pub fn has_resource_links(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// `lastModified` among the annotations (since 2025-06-18).
    #[must_use]
    pub fn has_last_modified(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Questions to the user (since 2025-06-18).
    #[must_use]
    pub fn has_elicitation(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// `mode`, defaults beyond booleans, several-of selections, titled choices and the URL mode of elicitation (since
    /// 2025-11-25).
    #[must_use]
    pub fn has_elicitation_modes(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// `elicitationId`, `notifications/elicitation/complete` and error -32042 (2025-11-25 only).
    #[must_use]
    pub const fn has_elicitation_ids(self) -> bool {
        matches!(self, Self::V2025_11_25)
    }

    /// Icons, and `description` and `websiteUrl` of an implementation (since 2025-11-25).
    #[must_use]
    pub fn has_icons(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Tools, tool use and lists of content in sampling (since 2025-11-25).
    #[must_use]
    pub fn has_sampling_tools(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Tasks as part of the core, asked for by the client (2025-11-25 only; later they are an extension).
    #[must_use]
    pub const fn has_core_tasks(self) -> bool {
        matches!(self, Self::V2025_11_25)
    }

    /// `resultType` on results, and `ttlMs` with `cacheScope` on those that may be cached (since 2026-07-28).
    #[must_use]
    pub fn has_result_types(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// `extensions` among the capabilities (since 2026-07-28).
    #[must_use]
    pub fn has_extensions(self) -> bool {
        self >= Self::V2026_07_28
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
        }
        for name in ["", "2025-11-24", "2025-11-25 ", "V2025_11_25", "draft"] {
            assert_eq!(Revision::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn revisions_are_ordered_by_date_and_offered_newest_first() {
        let names = Revision::ALL.map(Revision::as_str);
        assert!(names.is_sorted() && Revision::ALL.is_sorted());
        assert!(Revision::SUPPORTED.iter().eq(names.iter().rev()));
    }

    #[test]
    fn initialize_is_answered_with_a_legacy_revision_whatever_it_asks_for() {
        let check = |requested: &str, expect: Revision| assert_eq!(Revision::negotiate(requested), expect);
        check("2024-11-05", Revision::V2024_11_05);
        check("2025-03-26", Revision::V2025_03_26);
        check("2025-11-25", Revision::V2025_11_25);
        check("2026-07-28", Revision::LATEST_LEGACY);
        check("1999-01-01", Revision::LATEST_LEGACY);
    }
}
