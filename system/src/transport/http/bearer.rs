//! Static bearer tokens: who may call, by a list that the operator wrote.
//!
//! A token is compared with every token of the list, byte by byte and to the end, so that the time taken tells an attacker
//! nothing but the length of what it sent itself. The list is meant to be short: the check is linear in its bytes.
//!
//! Source: RFC 6750; `basic/authorization` for `resource_metadata` in the challenge.

use std::hint::black_box;
use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{ResponseBody, plain};

/// Fewer bytes can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// The list.
#[derive(Clone)]
pub struct Bearer {
    entries: Vec<Entry>,
    challenge: HeaderValue,
    challenge_invalid: HeaderValue,
}

#[derive(Clone)]
struct Entry {
    token: Box<[u8]>,
    principal: Arc<str>,
}

/// A list that cannot be used. The token itself is not in the text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBearer {
    /// A token that cannot stand in a header, or is too short.
    #[error("the token of {principal:?} must be at least 16 letters, digits or any of -._~+/=")]
    Token {
        /// Whose token it is.
        principal: String,
    },
    /// One token for two principals.
    #[error("{principal:?} has the token of another principal")]
    Shared {
        /// The second of the two.
        principal: String,
    },
    /// An address that cannot stand in a header.
    #[error("the address of the resource metadata must be printable ASCII without quotes")]
    Metadata,
}

/// The request carries no token of the list: 401. Which of the reasons it was, its challenge says.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a bearer token is needed")]
pub struct Unauthorized {
    challenge: HeaderValue,
}

impl Unauthorized {
    /// The answer: 401 with its `WWW-Authenticate`.
    #[must_use]
    pub fn response(self) -> Response<ResponseBody> {
        let mut response = plain(StatusCode::UNAUTHORIZED, "a bearer token is needed");
        response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge);
        response
    }
}

impl Bearer {
    /// Builds the list from pairs of token and principal. `resource_metadata` is the address that the challenge names.
    ///
    /// # Errors
    /// [`BadBearer`] for the first entry that is unusable.
    pub fn new<T: AsRef<str>>(
        entries: &[(T, T)],
        resource_metadata: Option<&str>,
    ) -> Result<Self, BadBearer> {
        let mut list: Vec<Entry> = Vec::with_capacity(entries.len());
        for (token, principal) in entries {
            let (token, principal) = (token.as_ref().as_bytes(), principal.as_ref());
            if token.len() < TOKEN_BYTES_MIN || !token.iter().all(|byte| is_token_byte(*byte)) {
                return Err(BadBearer::Token { principal: principal.to_owned() });
            }
            if list.iter().any(|entry| *entry.token == *token) {
                return Err(BadBearer::Shared { principal: principal.to_owned() });
            }
            list.push(Entry { token: token.into(), principal: principal.into() });
        }
        let metadata = match resource_metadata {
            Some(address)
                if address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') =>
            {
                format!(", resource_metadata=\"{address}\"")
            }
            Some(_) => return Err(BadBearer::Metadata),
            None => String::new(),
        };
        let challenge = |text: String| HeaderValue::from_str(&text).map_err(|_| BadBearer::Metadata);
        Ok(Self {
            entries: list,
            challenge: challenge(format!("Bearer realm=\"mcp\"{metadata}"))?,
            challenge_invalid: challenge(format!("Bearer realm=\"mcp\", error=\"invalid_token\"{metadata}"))?,
        })
    }

    /// The principal whose token the request carries.
    ///
    /// # Errors
    /// [`Unauthorized`] where it carries none, more than one, or one that is not on the list.
    pub fn check(&self, headers: &HeaderMap) -> Result<Arc<str>, Unauthorized> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Unauthorized { challenge: self.challenge.clone() });
        };
        let Some(token) = token_of(value.as_bytes()) else {
            return Err(Unauthorized { challenge: self.challenge.clone() });
        };
        let mut found = None;
        for entry in &self.entries {
            if black_box(is_same(token, &entry.token)) {
                found = Some(entry);
            }
        }
        found
            .map(|entry| Arc::clone(&entry.principal))
            .ok_or_else(|| Unauthorized { challenge: self.challenge_invalid.clone() })
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bearer({} tokens)", self.entries.len())
    }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// What follows `Bearer` and its spaces; the scheme's case does not matter.
fn token_of(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    let token = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// Takes as long for a wrong token as for the right one of its length. `listed` is not empty.
fn is_same(sent: &[u8], listed: &[u8]) -> bool {
    let mut difference = u8::from(sent.len() != listed.len());
    for (at, byte) in sent.iter().enumerate() {
        difference |= black_box(byte ^ listed[at % listed.len()]);
    }
    difference == 0
}
