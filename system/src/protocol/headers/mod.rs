//! Headers that repeat the body (modern era).
//!
//! Proxies route by `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` without reading the body, so a request whose headers say
//! another thing than its body could pass a rule that it breaks. Everything that differs, is missing or cannot be read is
//! refused with -32020 and 400. The legacy revisions have none of this. `MCP-Protocol-Version` is the business of
//! [`era`](super::era).
//!
//! A value may be wrapped as `=?base64?…?=`; anything that lacks either mark is literal, in lower case only. A header
//! that stands twice is refused: two readers may pick different ones.
//!
//! Source: 2026-07-28 `basic/transports/streamable-http`, Request Metadata; SEP-2243, test case tables; SEP-2663,
//! Routing Headers; conformance `http-standard-headers.ts`, `tasks/headers.ts`.

mod param;

use std::borrow::Cow;

use http::HeaderMap;

use crate::jsonrpc::Raw;

use super::{Fault, Method, RequestMeta, from_base64};

pub use param::{BadAnnotation, ParamHeaders};

/// Checks `Mcp-Method`, and `Mcp-Name` where the method has one, against a request.
///
/// # Errors
/// [`Fault::header_mismatch`], or [`Fault::malformed_meta`] where the parameters cannot be read at all.
pub fn check_request(headers: &HeaderMap, method: &str, params: &Raw) -> Result<(), Fault> {
    let (_, name) = RequestMeta::read_named(Method::parse(method), params)?;
    check_named(headers, method, name.as_deref())
}

/// The same for whoever has read the parameters already: `name` is what the body has for `Mcp-Name`, from
/// [`RequestMeta::read_named`].
///
/// # Errors
/// [`Fault::header_mismatch`].
pub fn check_named(headers: &HeaderMap, method: &str, name: Option<&str>) -> Result<(), Fault> {
    match value(headers, "Mcp-Method")? {
        None => return Err(Fault::header_mismatch("Mcp-Method header is missing")),
        Some(header) if header != method => return Err(mismatch("Mcp-Method", "the method")),
        Some(_) => {}
    }
    let Some(field) = Method::parse(method).and_then(Method::name_parameter) else { return Ok(()) };
    match (value(headers, "Mcp-Name")?.map(decode).transpose()?, name) {
        (None, None) => Ok(()),
        (Some(header), Some(body)) if header == body => Ok(()),
        (None, Some(_)) => Err(Fault::header_mismatch("Mcp-Name header is missing")),
        _ => Err(mismatch("Mcp-Name", field)),
    }
}

/// Checks a notification: no header is required of it, but one that is there must not lie (2026-07-28 streamable HTTP,
/// note under Sending Messages, defines none; SEP-2243 would have `Mcp-Method` on notifications too).
///
/// # Errors
/// [`Fault::header_mismatch`].
pub fn check_notification(headers: &HeaderMap, method: &str) -> Result<(), Fault> {
    match value(headers, "Mcp-Method")? {
        Some(header) if header != method => Err(mismatch("Mcp-Method", "the method")),
        _ => Ok(()),
    }
}

/// The one value of a header, without the white space around it (RFC 9110 §5.5).
fn value<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::header_mismatch(format!("{name} header stands twice")));
    }
    let text = value.as_bytes().trim_ascii();
    if !text.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(invalid(name));
    }
    // Plain ASCII, so this cannot fail.
    std::str::from_utf8(text).map(Some).map_err(|_| invalid(name))
}

/// Takes the base64 marks off a value that has both.
fn decode(value: &str) -> Result<Cow<'_, str>, Fault> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(value.into());
    };
    let bytes =
        from_base64(encoded).map_err(|_| Fault::header_mismatch("A header value is not valid base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::header_mismatch("A header value is not UTF-8"))?;
    Ok(text.into())
}

fn mismatch(header: &str, body: &str) -> Fault {
    Fault::header_mismatch(format!("{header} header does not match `{body}` in the body"))
}

fn invalid(header: &str) -> Fault {
    Fault::header_mismatch(format!("{header} header has invalid characters"))
}

#[cfg(test)]
mod tests;
