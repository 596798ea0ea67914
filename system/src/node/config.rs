//! What a node is told when it starts. Values only: where they come from (a file, flags) is the program's business.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::limits::Limits;

/// The settings of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where HTTP is served; nowhere when `None`.
    pub http: Option<HttpConfig>,
    /// Where newline-delimited TCP is served; nowhere when `None`, which is the default.
    pub tcp: Option<SocketAddr>,
    /// Where `/livez`, `/readyz` and `/metrics` are served. Loopback only, unless said otherwise below.
    pub admin: Option<SocketAddr>,
    /// Tokens that let a caller in. Without any, everybody is let in, and listeners must be on loopback.
    pub tokens: Vec<Token>,
    /// Serve beyond loopback although nobody has to show a token. Somebody must have decided that.
    pub open_to_the_network: bool,
    /// Where the node keeps its keys. Without it they live as long as the process, and so do the ids that it hands out.
    pub state_dir: Option<PathBuf>,
    /// Every maximum.
    pub limits: Limits,
}

/// The HTTP endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// The address to listen at.
    pub listen: SocketAddr,
    /// The path of the MCP endpoint.
    pub path: String,
    /// Whether the 2024-11-05 transport is served at `/sse` and `/message`.
    pub sse: bool,
    /// Host names that requests may be addressed to, beside loopback's own.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call, beside loopback's own.
    pub origins: Vec<String>,
}

/// A bearer token and whom it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The principal's name.
    pub principal: String,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl HttpConfig {
    /// The endpoint `/mcp` at an address, for callers on loopback.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self { listen, path: "/mcp".into(), sse: true, hosts: Vec::new(), origins: Vec::new() }
    }
}

impl Config {
    /// Nothing is served yet; limits are the defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            http: None,
            tcp: None,
            admin: None,
            tokens: Vec::new(),
            open_to_the_network: false,
            state_dir: None,
            limits: Limits::DEFAULT,
        }
    }

    /// Serves HTTP at an address.
    #[must_use]
    pub fn http(mut self, listen: SocketAddr) -> Self {
        self.http = Some(HttpConfig::at(listen));
        self
    }

    /// Why these settings must not be used, in words for the operator.
    ///
    /// # Errors
    /// The first conflict that was met.
    pub fn check(&self) -> Result<(), String> {
        if let Some(conflict) = self.limits.conflict() {
            return Err(conflict.to_owned());
        }
        if let Some(http) = &self.http
            && !http.path.starts_with('/')
        {
            return Err(format!("the path {:?} must start with a slash", http.path));
        }
        let open = [self.http.as_ref().map(|http| http.listen), self.tcp];
        for address in open.into_iter().flatten().filter(|address| !address.ip().is_loopback()) {
            if self.tokens.is_empty() && !self.open_to_the_network {
                return Err(format!(
                    "{address} is reachable from other machines, but no token is configured: \
                     add a token, listen on loopback, or say open_to_the_network = true"
                ));
            }
        }
        if let Some(address) = self.tcp.filter(|address| !address.ip().is_loopback())
            && !self.open_to_the_network
        {
            return Err(format!(
                "lines on {address} have no way to show a token: \
                 listen on loopback, or say open_to_the_network = true"
            ));
        }
        if let Some(http) = &self.http
            && !http.listen.ip().is_loopback()
            && http.hosts.is_empty()
            && !self.open_to_the_network
        {
            return Err(format!(
                "{} is reachable from other machines, but `hosts` lists no name for it: \
                 list the names, or say open_to_the_network = true",
                http.listen
            ));
        }
        if let Some(admin) = self.admin
            && !admin.ip().is_loopback()
            && !self.open_to_the_network
        {
            return Err(format!(
                "the admin port {admin} must be on loopback, or say open_to_the_network = true"
            ));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_the_network_reaches_must_be_guarded_or_declared_open() {
        let open = Config::new().http("0.0.0.0:8080".parse().expect("an address"));
        assert!(open.check().is_err_and(|reason| reason.contains("no token")));
        let token = Token { principal: "me".into(), secret: "s".into() };
        let guarded = Config { tokens: vec![token], ..open.clone() };
        assert!(guarded.check().is_err_and(|reason| reason.contains("hosts")));
        assert_eq!(Config { open_to_the_network: true, ..open }.check(), Ok(()));
        assert_eq!(Config::new().http("127.0.0.1:0".parse().expect("an address")).check(), Ok(()));
        assert_eq!(Config::new().http("[::1]:0".parse().expect("an address")).check(), Ok(()));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let token = Token { principal: "me".into(), secret: "hush".into() };
        assert!(!format!("{token:?}").contains("hush"));
    }
}
