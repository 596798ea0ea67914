//! What a server tells the person who started it: where it is, and how to connect to it. Everything is ready to paste.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::{Map, Value, json};
use switchboard::node::Config;

/// A call that needs no session: 2026-07-28 says everything in the request itself.
const CALL: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":40},"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"curl","version":"0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#,
);

/// The banner of a node that serves ports.
pub(super) struct Banner<'c> {
    config: &'c Config,
    http: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

impl<'c> Banner<'c> {
    /// The banner for these settings, and the addresses that came of them.
    pub(super) const fn new(
        config: &'c Config,
        http: Option<SocketAddr>,
        tcp: Option<SocketAddr>,
        admin: Option<SocketAddr>,
    ) -> Self {
        Self { config, http, tcp, admin }
    }

    fn snippet(&self, url: &str) -> String {
        let mut server = Map::new();
        server.insert("type".to_owned(), json!("http"));
        server.insert("url".to_owned(), json!(url));
        if let Some(token) = self.config.tokens.first() {
            let bearer = format!("Bearer <the token of {}>", token.principal);
            server.insert("headers".to_owned(), json!({ "Authorization": bearer }));
        }
        indented(&json!({ "mcpServers": { "switchboard": server } }))
    }

    fn curl(&self, url: &str) -> String {
        let token = if self.config.tokens.is_empty() { "" } else { " -H \"Authorization: Bearer $TOKEN\"" };
        format!(
            "curl -s {url}{token} -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
             -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: tools/call' -H 'Mcp-Name: add' -d '{CALL}'"
        )
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Switchboard {} is ready.\n", env!("CARGO_PKG_VERSION"))?;
        let http = self.http.zip(self.config.http.as_ref());
        let url = http.map(|(address, http)| format!("http://{}{}", reachable(address), http.path));
        if let Some(url) = &url {
            writeln!(f, "  MCP      {url}")?;
        }
        if let Some((address, _)) = http.filter(|(_, http)| http.sse) {
            writeln!(f, "  old MCP  http://{}/sse    (clients of 2024-11-05)", reachable(address))?;
        }
        if let Some(tcp) = self.tcp {
            writeln!(f, "  TCP      {}    (one JSON message a line)", reachable(tcp))?;
        }
        if let Some(admin) = self.admin {
            writeln!(f, "  admin    http://{}    /livez /readyz /metrics /status", reachable(admin))?;
        }
        if let Some(url) = &url {
            writeln!(f, "\nPut this into a client's configuration:\n\n{}", self.snippet(url))?;
            writeln!(f, "\nOr try it here:\n\n{}", self.curl(url))?;
        }
        writeln!(f, "\nCtrl-C ends it in order.")
    }
}

/// What a terminal is told when `switchboard stdio` waits for somebody to type JSON.
pub(super) fn stdio_hint() -> String {
    let command =
        std::env::current_exe().map_or_else(|_| "switchboard".to_owned(), |path| path.display().to_string());
    let server = json!({ "command": command, "args": ["stdio"] });
    format!(
        "Waiting for MCP on standard input, one JSON message a line; Ctrl-D ends it.\n\
         This is meant to be started by a client. Put this into its configuration:\n\n{}\n",
        indented(&json!({ "mcpServers": { "switchboard": server } }))
    )
}

fn indented(value: &Value) -> String {
    format!("{value:#}").lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// An address that a client on this machine can connect to: nobody can call 0.0.0.0.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
