//! What a node is told when it starts. Values only: where they come from (a file, flags) is the program's business.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cluster::ClusterConfig;
use crate::limits::Limits;
use crate::transport::http::{Bearer, Guard};

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
    /// Where the node keeps its state: keys, sessions, tasks. Without it they live as long as the process.
    pub state_dir: Option<PathBuf>,
    /// How the node takes part in a cluster. Without it, it is a cluster of its own.
    pub cluster: Option<ClusterConfig>,
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
    /// Origins of web pages that may call. Where neither these nor `hosts` are listed, loopback's own.
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
            cluster: None,
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
    /// The first problem; [`problems`](Self::problems) has them all.
    pub fn check(&self) -> Result<(), String> {
        self.problems().into_iter().next().map_or(Ok(()), |problem| Err(problem.reason))
    }

    /// Everything for which a node would refuse these settings. Of limits that contradict each other, the first.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut found = Vec::new();
        if let Some(conflict) = self.limits.conflict() {
            found.push(ConfigProblem::new(Setting::Limits, conflict));
        }
        if let Some(http) = &self.http {
            self.check_http(http, &mut found);
        }
        if let Some(address) = self.tcp {
            self.check_tcp(address, &mut found);
        }
        if let Some(cluster) = &self.cluster {
            self.check_cluster(cluster, &mut found);
        }
        if let Some(admin) = self.admin
            && !admin.ip().is_loopback()
            && !self.open_to_the_network
        {
            let reason =
                format!("the admin port {admin} must be on loopback, or say open_to_the_network = true");
            found.push(ConfigProblem::new(Setting::AdminListen, reason));
        }
        self.check_tokens(&mut found);
        self.check_ports(&mut found);
        found
    }

    fn check_http(&self, http: &HttpConfig, found: &mut Vec<ConfigProblem>) {
        let HttpConfig { listen, path, sse, hosts, origins } = http;
        let mut add = |setting, reason: String| found.push(ConfigProblem { setting, reason });
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
        if !path.starts_with('/') {
            add(Setting::HttpPath, format!("the path {path:?} must start with a slash"));
        } else if !path.bytes().all(is_plain) {
            add(Setting::HttpPath, format!("the path {path:?} must be printable ASCII without ? and #"));
        } else if *sse && matches!(path.as_str(), "/sse" | "/message") {
            add(
                Setting::HttpPath,
                format!(
                    "the path {path:?} belongs to the 2024-11-05 transport: choose another, or sse = false"
                ),
            );
        }
        if !listen.ip().is_loopback() && !self.open_to_the_network {
            if self.tokens.is_empty() {
                add(
                    Setting::HttpListen,
                    format!(
                        "{listen} is reachable from other machines, but no token is configured: \
                         add a token, listen on loopback, or say open_to_the_network = true"
                    ),
                );
            }
            if hosts.is_empty() {
                add(
                    Setting::HttpListen,
                    format!(
                        "{listen} is reachable from other machines, but `hosts` lists no name for it: \
                         list the names, or say open_to_the_network = true"
                    ),
                );
            }
        }
        for (at, host) in hosts.iter().enumerate() {
            if let Err(error) = Guard::new(std::slice::from_ref(host), &[]) {
                add(Setting::Host(at), error.to_string());
            }
        }
        for (at, origin) in origins.iter().enumerate() {
            if let Err(error) = Guard::new(&[], std::slice::from_ref(origin)) {
                add(Setting::Origin(at), error.to_string());
            }
        }
    }

    fn check_cluster(&self, cluster: &ClusterConfig, found: &mut Vec<ConfigProblem>) {
        let mut add = |reason: String| found.push(ConfigProblem { setting: Setting::Cluster, reason });
        if self.state_dir.is_none() {
            add("a node of a cluster needs a state directory: what it promised to keep must outlive its process".into());
        }
        if cluster.name.is_empty() {
            add("a cluster needs a name".into());
        }
        if cluster.secret == [0; 32] {
            add("a cluster needs a secret that nobody can guess".into());
        }
        if !cluster.found && cluster.seeds.is_empty() {
            add("a node needs seeds to ask for the way in, or must found the cluster".into());
        }
        if cluster.groups == 0 || cluster.groups > crate::seal::SLOTS {
            add(format!("a cluster has between 1 and {} groups", crate::seal::SLOTS));
        }
    }

    /// Lines carry no token, so a token elsewhere does not guard them.
    fn check_tcp(&self, address: SocketAddr, found: &mut Vec<ConfigProblem>) {
        if self.open_to_the_network {
            return;
        }
        if !address.ip().is_loopback() {
            let reason = format!(
                "{address} is reachable from other machines, and lines over TCP show no token: \
                 listen on loopback, or say open_to_the_network = true"
            );
            found.push(ConfigProblem { setting: Setting::TcpListen, reason });
        } else if !self.tokens.is_empty() {
            let reason = format!(
                "lines over TCP show no token, so {address} would let callers in who have none: \
                 serve HTTP alone, or say open_to_the_network = true"
            );
            found.push(ConfigProblem { setting: Setting::TcpListen, reason });
        }
    }

    fn check_tokens(&self, found: &mut Vec<ConfigProblem>) {
        let mut good: Vec<(&str, &str)> = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            good.push((&token.secret, &token.principal));
            if let Err(error) = Bearer::new(&good, None) {
                good.pop();
                found.push(ConfigProblem::new(Setting::Token(at), error.to_string()));
            } else if token.principal.is_empty() {
                found.push(ConfigProblem::new(Setting::Token(at), "a token's principal needs a name"));
            }
        }
    }

    fn check_ports(&self, found: &mut Vec<ConfigProblem>) {
        let ports = [
            (Setting::HttpListen, self.http.as_ref().map(|http| http.listen)),
            (Setting::TcpListen, self.tcp),
            (Setting::AdminListen, self.admin),
        ];
        for (at, (setting, address)) in ports.iter().enumerate() {
            let Some(address) = address.filter(|address| address.port() != 0) else { continue };
            if ports[..at].iter().any(|(_, other)| *other == Some(address)) {
                let reason = format!("{address} is taken by another listener of this node");
                found.push(ConfigProblem { setting: *setting, reason });
            }
        }
    }
}

/// What a [`ConfigProblem`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// [`HttpConfig::listen`]
    HttpListen,
    /// [`HttpConfig::path`]
    HttpPath,
    /// The n-th of [`HttpConfig::hosts`]
    Host(usize),
    /// The n-th of [`HttpConfig::origins`]
    Origin(usize),
    /// [`Config::tcp`]
    TcpListen,
    /// [`Config::admin`]
    AdminListen,
    /// [`Config::cluster`]
    Cluster,
    /// The n-th of [`Config::tokens`]
    Token(usize),
    /// [`Config::limits`]
    Limits,
}

/// Something for which a node refuses its settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigProblem {
    /// What it is about.
    pub setting: Setting,
    /// What is wrong, and what would be right. No secret is in it.
    pub reason: String,
}

impl ConfigProblem {
    fn new(setting: Setting, reason: impl Into<String>) -> Self {
        Self { setting, reason: reason.into() }
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
        let token = Token { principal: "me".into(), secret: "0123456789abcdef".into() };
        let guarded = Config { tokens: vec![token], ..open.clone() };
        assert!(guarded.check().is_err_and(|reason| reason.contains("hosts")));
        assert_eq!(Config { open_to_the_network: true, ..open }.check(), Ok(()));
        assert_eq!(Config::new().http("127.0.0.1:0".parse().expect("an address")).check(), Ok(()));
        assert_eq!(Config::new().http("[::1]:0".parse().expect("an address")).check(), Ok(()));
    }

    #[test]
    fn every_problem_is_told_with_the_setting_that_it_is_about() {
        let token =
            |principal: &str, secret: &str| Token { principal: principal.into(), secret: secret.into() };
        let address = |text: &str| text.parse().expect("an address");
        let config = Config {
            http: Some(HttpConfig {
                path: "/sse".into(),
                hosts: vec!["good.example".into(), "bad host".into()],
                origins: vec!["no-scheme".into()],
                ..HttpConfig::at(address("127.0.0.1:80"))
            }),
            tcp: Some(address("127.0.0.1:80")),
            admin: Some(address("0.0.0.0:81")),
            tokens: vec![token("a", "short"), token("b", "0123456789abcdef"), token("c", "0123456789abcdef")],
            limits: Limits { depth_max: 1, ..Limits::DEFAULT },
            ..Config::new()
        };
        let settings: Vec<Setting> = config.problems().into_iter().map(|problem| problem.setting).collect();
        let expect = [
            Setting::Limits,
            Setting::HttpPath,
            Setting::Host(1),
            Setting::Origin(0),
            Setting::TcpListen,
            Setting::AdminListen,
            Setting::Token(0),
            Setting::Token(2),
            Setting::TcpListen,
        ];
        assert_eq!(settings, expect);
    }

    #[test]
    fn lines_are_not_served_beside_tokens_that_they_cannot_show() {
        let tcp = Config { tcp: Some("127.0.0.1:0".parse().expect("an address")), ..Config::new() };
        assert_eq!(tcp.check(), Ok(()));
        let token = Token { principal: "me".into(), secret: "0123456789abcdef".into() };
        let guarded = Config { tokens: vec![token.clone()], ..tcp };
        assert!(guarded.check().is_err_and(|reason| reason.contains("show no token")));
        let far = Config {
            tcp: Some("0.0.0.0:0".parse().expect("an address")),
            tokens: vec![token],
            ..Config::new()
        };
        assert!(far.check().is_err_and(|reason| reason.contains("show no token")));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let token = Token { principal: "me".into(), secret: "hush".into() };
        assert!(!format!("{token:?}").contains("hush"));
    }
}
