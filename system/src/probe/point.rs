//! Points: what must happen now and then, or the scenarios do not go where it is dangerous.

use super::closed_list;

closed_list! {
    /// A place in a node that some run of the standard scenarios must reach: `reachable!`.
    Point {
        // ---- who owns what ----
        /// An ask came to a replica that does not lead its group.
        NotOwnerAsked = "not_owner_asked",
        /// A command was turned away because another node leads by now.
        CommandTurnedAway = "command_turned_away",
        /// Whether a command was committed was not known in time.
        CommitUnknown = "commit_unknown",
        /// A leader found out by a read that it leads no more.
        ReadFoundNewLeader = "read_found_new_leader",
        /// A read could not be proved: no majority answered.
        ReadUnproved = "read_unproved",
        /// An ask whose outcome was unknown was put again, and answered.
        UnknownAskAnswered = "unknown_ask_answered",
        /// A command came once more, and was answered from memory.
        CommandRepeated = "command_repeated",
        /// An ask came for slots that are another group's by now.
        SlotsMoved = "slots_moved",
        /// A group was handed to the replica that should lead it.
        HandedOver = "handed_over",
        /// A leader that is to leave its group handed over first.
        HandedOverToLeave = "handed_over_to_leave",
        /// A process that was counted out came back as another life.
        LivedAnew = "lived_anew",
        /// Work of a life that is over was ended for it.
        GoneWorkEnded = "gone_work_ended",
        /// A process that was given up still had something to say on a stream, and was refused.
        GivenUpRefused = "given_up_refused",

        // ---- consensus ----
        /// A group fell asleep.
        GroupSlept = "group_slept",
        /// A sleeping group was woken.
        GroupWoken = "group_woken",
        /// A follower did not wait for the lease of a leader whose process is gone.
        LeaderOrphaned = "leader_orphaned",
        /// A log was cut back: what was in it was never committed.
        LogCutBack = "log_cut_back",
        /// A replica was given a snapshot by another.
        SnapshotInstalled = "snapshot_installed",
        /// A replica moved to another node.
        ReplicaMoved = "replica_moved",
        /// A group was split.
        GroupSplit = "group_split",
        /// Another key seals ids.
        KeyChanged = "key_changed",

        // ---- sessions and streams ----
        /// A node took a seat in a session that another node had opened.
        SessionTakenUp = "session_taken_up",
        /// A session was served without its owner, within the grace.
        ServedInGrace = "served_in_grace",
        /// A node that wanted its lease renewed heard that the session has ended.
        LeaseRefused = "lease_refused",
        /// A session ended under an owner that does not know yet who was given a lease.
        EndedUnderNewOwner = "ended_under_new_owner",
        /// A session ended while a node that may serve it could not be told at once.
        EndToldAgain = "end_told_again",
        /// A node that counts as gone was lent no session for any time.
        LentNothing = "lent_nothing",
        /// A stream was read on at another owner than the one that gave the turn.
        StreamReadOn = "stream_read_on",
        /// A stream was resumed behind an event.
        StreamResumed = "stream_resumed",
        /// A reader heard that another connection reads its stream.
        ReaderSuperseded = "reader_superseded",
        /// A writer waited because the reader had not taken enough.
        WriterHeldBack = "writer_held_back",
        /// A reader was told to come back to another node, because this one drains.
        ReaderSentAway = "reader_sent_away",
        /// Events were appended once more that the stream had.
        AppendRepeated = "append_repeated",

        // ---- between nodes ----
        /// A link broke while the outcome of something that was asked over it was open.
        LinkBrokeUnderway = "link_broke_underway",
        /// A node could not be dialled.
        DialFailed = "dial_failed",
        /// An answer of a client was passed to the node that waits for it.
        AnswerPassedOn = "answer_passed_on",
        /// Topics came to a new owner, which told them once more.
        TopicsInherited = "topics_inherited",
        /// Sessions could not be told of a change at once, and were told later.
        ToldLater = "told_later",

        // ---- tasks ----
        /// A command on a task was sent again because its outcome was unknown.
        TaskCommandRepeated = "task_command_repeated",
        /// A task waited for its group to be within reach again.
        TaskWaitedForGroup = "task_waited_for_group",
        /// The work of a task ended when the task had ended already.
        TaskEndedBefore = "task_ended_before",

        // ---- disks ----
        /// A node stopped by itself, because its disk failed.
        StoreFailed = "store_failed",

        // ---- cut off ----
        /// Streams of listeners were ended, because nobody was found who would tell of changes.
        ListenersLetGo = "listeners_let_go",
        /// A leader that no majority follows any more turned away whoever waited at it.
        LeaderCutOff = "leader_cut_off",
        /// A node found that it had stood still.
        StoodStill = "stood_still",
    }
}
