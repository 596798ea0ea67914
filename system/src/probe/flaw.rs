//! Planted bugs: what the simulator must find. Its checkers and scenarios count only because they are seen to find these,
//! each a mistake of the kind that makes a cluster lie to its clients, at one or two places of a node.
//!
//! Only a world can plant one, and that of production never does: there the question is answered when the program is built.

use super::closed_list;

closed_list! {
    /// A bug: `flawed!`.
    Flaw {
        // ---- consensus ----
        /// A lost commit: what is done to a task is acknowledged before a majority has it.
        LostCommit = "lost_commit",
        /// A lost write: a replica says that it has what is not on its disk yet.
        Unwritten = "unwritten",
        /// A follower serves: whoever holds a replica reads tasks from it.
        FollowerReads = "follower_reads",

        // ---- ownership ----
        /// A double owner: who believes to lead answers what is read without asking whether that is still so.
        DoubleOwner = "double_owner",
        /// No fence: a process that was given up, and answered for, may still answer.
        LateAnswer = "late_answer",
        /// A node takes its lease on a session for longer than it was given.
        LongLease = "long_lease",

        // ---- delivery ----
        /// Delivery before commit: readers are given events that no majority has yet.
        EarlyEvents = "early_events",
        /// Delivery out of order: of several events that are ready the last is given first.
        ReorderedEvents = "reordered_events",
        /// Delivery twice: an append that comes once more is taken once more.
        RepeatedAppend = "repeated_append",

        // ---- resumption ----
        /// Off by one: who comes back behind an event is given that event again.
        OffByOne = "off_by_one",
        /// A hand-over that loses events: who reads on at another owner goes on with what comes next there.
        SkippedEvents = "skipped_events",

        // ---- tasks ----
        /// The end of the work of a cancelled task overwrites the cancellation.
        UndoneCancel = "undone_cancel",
        /// A cancellation is acknowledged before it is asked for.
        UnheldCancel = "unheld_cancel",
        /// The result of a task is not told again where its group was out of reach.
        LostResult = "lost_result",
        /// A command that is sent again has another request id: its group takes it for a new one.
        ForgottenRequest = "forgotten_request",

        // ---- quotas ----
        /// A counter that leaks: a session's place is not given back when it has taken its own.
        LeakingPlaces = "leaking_places",
        /// A limit that many pass at once: a session is counted only when it is there.
        LateCount = "late_count",

        // ---- back-pressure ----
        /// An unbounded queue: a writer waits for nobody.
        UnboundedQueue = "unbounded_queue",
        /// A slow reader loses events in silence.
        SilentDrop = "silent_drop",

        // ---- sessions and routing ----
        /// An ended session comes back: a node that is told of its end goes on.
        GhostSession = "ghost_session",
        /// An answer goes to whoever waits longest, and not to who asked.
        CrossedAnswers = "crossed_answers",
        /// A new owner counts changes from one again: whoever knows a larger number hears of none.
        CountedAnew = "counted_anew",
    }
}
