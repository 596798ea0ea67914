//! The configuration file: TOML in, [`Settings`] out, or every problem of the file at once.
//!
//! A file that is nearly right is the usual case, so reading never stops at the first mistake: what cannot be used is
//! noted with its line and column and read as if it were not there. The rules that hold between settings are not known
//! here: [`switchboard::node::Config`] and [`Limits`](switchboard::limits::Limits) tell them, and this module says where
//! in the file the setting stands that breaks one.
//!
//! The environment comes in as a function, so nothing here depends on the process that it runs in. Values of secrets and
//! of variables are never part of a message.

mod cluster;
mod expand;
mod level;
mod limits;
mod nearest;
mod problem;
mod reader;
mod secret;
mod sections;
mod seeds;
mod tls;

pub use level::check_level;
pub use limits::changed_limits;
pub use problem::{Place, Problem, Problems};
pub use secret::{secret_text, write_secret};
pub use seeds::{check_seed, look_up_seeds};

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use switchboard::node::{Config, HttpConfig};

use reader::Reader;

/// Where HTTP is served unless somebody says otherwise.
pub const HTTP_DEFAULT: &str = "127.0.0.1:8080";
/// Where other nodes connect to unless somebody says otherwise.
pub const CLUSTER_DEFAULT: &str = "127.0.0.1:7070";
/// Where `/livez`, `/readyz`, `/metrics` and `/status` are served unless somebody says otherwise.
pub const ADMIN_DEFAULT: &str = "127.0.0.1:9090";
/// A file with every setting, its default and what it is for.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Longer files are no configuration.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything that the program is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What the node is told. Of the cluster's seeds, those that are addresses.
    pub node: Config,
    /// The cluster's seeds as they are written, names too: [`look_up_seeds`] finds their addresses.
    pub seeds: Vec<String>,
    /// Threads that run the node; as many as there are cores when `None`.
    pub workers: Option<NonZeroUsize>,
    /// What is logged: a level, or `target=level` pairs, with commas between them.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a command line says, which counts more than a file. `Some(None)` for an address is "off".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    /// Where HTTP is served.
    pub listen: Option<Option<SocketAddr>>,
    /// Where health and metrics are served.
    pub admin: Option<Option<SocketAddr>>,
    /// What is logged.
    pub log_level: Option<String>,
    /// Threads that run the node.
    pub workers: Option<NonZeroUsize>,
    /// Where the node keeps its state.
    pub state_dir: Option<PathBuf>,
    /// How the node takes part in a cluster.
    pub cluster: ClusterOverrides,
}

/// What a command line says of the cluster. Any of it opens the section.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClusterOverrides {
    /// The cluster's name.
    pub name: Option<String>,
    /// Where other nodes connect to.
    pub listen: Option<SocketAddr>,
    /// Nodes to ask for the way in, instead of those of the file.
    pub seeds: Vec<String>,
    /// Whether this node founds the cluster.
    pub found: bool,
    /// Where the secret is.
    pub secret_file: Option<PathBuf>,
    /// What fails together with this node.
    pub zone: Option<String>,
}

impl ClusterOverrides {
    /// The first option that is given.
    fn first(&self) -> Option<&'static str> {
        let given = [
            ("--cluster-name", self.name.is_some()),
            ("--cluster-listen", self.listen.is_some()),
            ("--seed", !self.seeds.is_empty()),
            ("--found", self.found),
            ("--secret-file", self.secret_file.is_some()),
            ("--zone", self.zone.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let address = |text: &str| text.parse().expect("a default address must be one");
        let mut node = Config::new().http(address(HTTP_DEFAULT));
        node.admin = Some(address(ADMIN_DEFAULT));
        Self {
            node,
            seeds: Vec::new(),
            workers: None,
            log_level: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// All [`Problems`]; one of them where the file cannot be read at all.
    pub fn from_file(
        path: &Path,
        variables: &dyn Fn(&str) -> Option<String>,
        overrides: &Overrides,
    ) -> Result<Self, Problems> {
        let name = path.display().to_string();
        match read_text(path) {
            Ok(text) => Self::from_text(&name, &text, variables, overrides),
            Err(reason) => Err(Problems::one(&name, Problem { place: Place::File, reason })),
        }
    }

    /// Reads the text of a file. `name` is what messages call it.
    ///
    /// # Errors
    /// All [`Problems`].
    pub fn from_text(
        name: &str,
        text: &str,
        variables: &dyn Fn(&str) -> Option<String>,
        overrides: &Overrides,
    ) -> Result<Self, Problems> {
        let (root, mut reader) = Reader::parse(text, variables);
        let (mut settings, draft) = sections::read(&mut reader, &root);
        settings.put_over(overrides, &mut reader);
        let cluster = cluster::settle(&mut reader, draft, overrides.cluster.clone());
        if let Some((cluster, seeds)) = cluster {
            settings.node.cluster = Some(cluster);
            settings.seeds = seeds;
        }
        settings.check(&mut reader);
        reader.finish(name).map_or(Ok(settings), Err)
    }

    /// The settings where there is no file.
    ///
    /// # Errors
    /// All [`Problems`] of the overrides.
    pub fn without_file(overrides: &Overrides) -> Result<Self, Problems> {
        Self::from_text("", "", &|_| None, overrides)
    }

    /// What is logged, for a subscriber. The consensus engine tells of every step of every group, and calls an error what is
    /// none of the node's: it is left out unless somebody asks for it by name, as in `info,openraft=info`.
    #[must_use]
    pub fn log_filter(&self) -> String {
        if self.log_level.contains("openraft") {
            return self.log_level.clone();
        }
        format!("openraft=off,{}", self.log_level)
    }

    /// Looks the names of the seeds up; see [`look_up_seeds`].
    ///
    /// # Errors
    /// No seed has an address, and the node founds no cluster.
    pub async fn look_up_seeds(&mut self) -> Result<(), String> {
        if let Some(cluster) = &mut self.node.cluster {
            cluster.seeds = look_up_seeds(&self.seeds, cluster.found).await?;
        }
        Ok(())
    }

    /// Notes what the node would refuse. A seed that is a name counts as one, though it has no address yet.
    fn check(&self, reader: &mut Reader<'_>) {
        let mut node = self.node.clone();
        if let Some(cluster) = &mut node.cluster
            && !self.seeds.is_empty()
            && cluster.seeds.is_empty()
        {
            cluster.seeds.push(cluster.listen);
        }
        reader.check(&node);
    }

    fn put_over(&mut self, overrides: &Overrides, reader: &mut Reader<'_>) {
        let Overrides { listen, admin, log_level, workers, state_dir, cluster: _ } = overrides.clone();
        if let Some(listen) = listen {
            let old = self.node.http.take();
            self.node.http =
                listen.map(|listen| HttpConfig { listen, ..old.unwrap_or(HttpConfig::at(listen)) });
            reader.note("http.listen", Place::Flag("--listen"));
        }
        if let Some(admin) = admin {
            self.node.admin = admin;
            reader.note("admin.listen", Place::Flag("--admin"));
        }
        if let Some(level) = log_level {
            self.log_level = level;
        }
        self.workers = workers.or(self.workers);
        self.node.state_dir = state_dir.or(self.node.state_dir.take());
    }
}

/// An address to listen at, as a person writes it: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `off`.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn read_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    match local.as_deref().unwrap_or(text).parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("is a port without an address: write \"127.0.0.1:{text}\""))
        }
        Err(_) => Err("is no address: write IP:PORT such as \"127.0.0.1:8080\" or \"[::1]:8080\", \
                       or \"off\" to serve nothing here"
            .to_owned()),
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err("is too long for a configuration file (over 1 MiB)".to_owned());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        format!("is not UTF-8 text (byte {} is the first that is not)", error.utf8_error().valid_up_to())
    })
}
