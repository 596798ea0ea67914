//! The header names that MCP adds to HTTP, in the lower case that [`HeaderName`] demands of a constant.

use http::HeaderName;

/// Which session a request belongs to (2025-03-26 to 2025-11-25).
pub const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The protocol revision of a request.
pub const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The method in the body, for whoever routes without reading bodies (2026-07-28).
pub const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The tool, prompt or resource that a call names (2026-07-28).
pub const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What the names of mirrored tool arguments start with (2026-07-28).
pub const MCP_PARAM_PREFIX: &str = "mcp-param-";
/// The last event that a reconnecting client has seen.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks reverse proxies not to hold events back.
pub const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The media type of a message.
pub const APPLICATION_JSON: &str = "application/json";
/// The media type of a stream of events.
pub const TEXT_EVENT_STREAM: &str = "text/event-stream";
