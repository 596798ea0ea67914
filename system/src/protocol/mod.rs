//! The vocabulary of the Model Context Protocol, in all five revisions.
//!
//! What a message means and how it is spelled, revision by revision: methods, versions, capabilities, parameters,
//! results, errors, headers. Values in, values out: nothing here knows of sockets, time, sessions or handlers.
//!
//! A handler's result is **one** value, written for whoever asked ([`Shape`], [`ResultShape`]): what a revision does not
//! know is left out or replaced by the nearest that it has, and never sent. A new revision is a new column in
//! [`Revision`]'s predicates and in the table of [`Method`], not a second set of types.
//!
//! Each item names the page of the specification that it follows (`2025-11-25 server/tools` is
//! `docs/specification/2025-11-25/server/tools`); where two pages differ, the choice and its reason stand at the item.

mod ask;
mod capability;
mod completion;
mod content;
mod elicitation;
pub mod era;
pub mod fault;
pub mod headers;
mod hello;
mod implementation;
mod listing;
mod logging;
pub mod meta;
mod method;
mod notice;
mod params;
mod prompt;
mod resource;
mod revision;
mod roots;
mod sampling;
mod shape;
mod subscription;
mod task;
mod tool;
mod write;

pub use ask::{Ask, InputAnswers, InputRequests, InputRequired};
pub use capability::{
    Changing, ClientCapabilities, ClientTasks, Elicitation, Need, Roots, Sampling, ServerCapabilities,
    ServerResources, TASKS_EXTENSION,
};
pub use completion::{CompleteParams, CompleteResult, CompletionRef, VALUES_MAX};
pub use content::{Annotations, Content, ResourceContents, Role, from_base64, to_base64};
pub use elicitation::{
    Choice, ElicitAction, ElicitParams, ElicitResult, ElicitationComplete, Field, Form, TextFormat,
};
pub use era::{Carrier, Era, Facts, MethodClass, Version};
pub use fault::Fault;
pub use hello::{DiscoverResult, InitializeParams, InitializeResult};
pub use implementation::{Icon, Implementation, Theme};
pub use listing::{Cache, Page, read_cursor};
pub use logging::{LogLevel, LogMessage};
pub use meta::{ProgressToken, RequestMeta};
pub use method::{Method, name};
pub use notice::{Cancelled, Notice, Progress};
pub use prompt::{GetPromptParams, GetPromptResult, PromptArgument, PromptInfo, PromptMessage};
pub use resource::{ReadResult, ResourceInfo, ResourceUpdated, TemplateInfo, read_uri};
pub use revision::Revision;
pub use roots::{ListRootsResult, Root};
pub use sampling::{
    CreateMessageParams, CreateMessageResult, IncludeContext, ModelPreferences, SamplingContent,
    SamplingMessage, ToolChoice,
};
pub use shape::{EmptyResult, ResultShape, call_message, carried_message, result_message, result_raw};
pub use subscription::{Acknowledged, SubscriptionEnded, SubscriptionFilter, subscription_meta};
pub use task::{
    Task, TaskAnswers, TaskCreated, TaskDetail, TaskStatus, TaskView, TaskWish, read_task_id, to_iso8601,
};
pub use tool::{CallMode, CallToolParams, CallToolResult, TaskSupport, ToolAnnotations, ToolInfo};
pub use write::{Object, Shape, to_raw, write_array};

#[cfg(test)]
mod tests;
