//! The sections of the file, and what stands in each.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use switchboard::node::{Config, HttpConfig, Token};
use toml::Spanned;
use toml::de::DeTable;

use super::cluster::{self, Draft};
use super::limits;
use super::nearest::nearest;
use super::reader::{Reader, Table};
use super::{LogFormat, Settings, check_level};

const ROOT: [&str; 10] = [
    "http",
    "tcp",
    "admin",
    "cluster",
    "tokens",
    "limits",
    "log",
    "state_dir",
    "open_to_the_network",
    "workers",
];

/// More threads than any machine has cores are a mistake.
const WORKERS_MAX: u64 = 4_096;

/// Reads the whole file over the default settings, and what it says of the cluster beside them.
pub(super) fn read<'t>(reader: &mut Reader<'_>, root: &'t Spanned<DeTable<'t>>) -> (Settings, Option<Draft>) {
    let root = reader.root(root, &ROOT);
    let mut settings = Settings::default();
    let node = &mut settings.node;
    http(reader, &root, node);
    if let Some(table) = reader.table(&root, "tcp", &["listen"])
        && let Some(listen) = reader.address(&table, "listen")
    {
        node.tcp = listen;
    }
    if let Some(table) = reader.table(&root, "admin", &["listen"])
        && let Some(listen) = reader.address(&table, "listen")
    {
        node.admin = listen;
    }
    node.tokens = tokens(reader, &root);
    if let Some(table) = reader.table(&root, "limits", limits::NAMES) {
        limits::read(reader, &table, &mut node.limits);
    }
    if let Some(open) = reader.flag(&root, "open_to_the_network") {
        node.open_to_the_network = open;
    }
    node.state_dir = state_dir(reader, &root);
    log(reader, &root, &mut settings);
    let workers = reader.number(&root, "workers", 1..=WORKERS_MAX);
    settings.workers = workers.and_then(|workers| NonZeroUsize::new(usize::try_from(workers).ok()?));
    let draft = cluster::read(reader, &root);
    (settings, draft)
}

fn http(reader: &mut Reader<'_>, root: &Table<'_>, node: &mut Config) {
    let Some(table) = reader.table(root, "http", &["listen", "path", "sse", "hosts", "origins"]) else {
        return;
    };
    let listen = reader.address(&table, "listen");
    let (path, sse) = (reader.text(&table, "path"), reader.flag(&table, "sse"));
    let (hosts, origins) = (reader.texts(&table, "hosts"), reader.texts(&table, "origins"));
    match listen {
        Some(None) => node.http = None,
        Some(Some(listen)) => node.http = Some(HttpConfig::at(listen)),
        None => {}
    }
    let Some(http) = &mut node.http else { return };
    http.path = path.unwrap_or_else(|| http.path.clone());
    http.sse = sse.unwrap_or(http.sse);
    http.hosts = hosts.unwrap_or_default();
    http.origins = origins.unwrap_or_default();
}

fn tokens(reader: &mut Reader<'_>, root: &Table<'_>) -> Vec<Token> {
    let tables = reader.tables(root, "tokens", &["principal", "secret"]);
    let mut tokens = Vec::new();
    for table in &tables {
        let principal = reader.required_text(table, "principal");
        let secret = reader.required_text(table, "secret");
        // One that cannot be used is noted already. What is left keeps its number, and a placeholder breaks no rule.
        let unusable = format!("unusable-token-number-{}", tokens.len());
        tokens.push(Token {
            principal: principal.unwrap_or_else(|| unusable.clone()),
            secret: secret.unwrap_or(unusable),
        });
    }
    tokens
}

fn state_dir(reader: &mut Reader<'_>, root: &Table<'_>) -> Option<PathBuf> {
    let directory = reader.text(root, "state_dir")?;
    if directory.is_empty() {
        reader.refuse("state_dir", "`state_dir` must not be empty: leave it out to keep no state");
        return None;
    }
    Some(PathBuf::from(directory))
}

fn log(reader: &mut Reader<'_>, root: &Table<'_>, settings: &mut Settings) {
    let Some(table) = reader.table(root, "log", &["level", "format"]) else { return };
    if let Some(level) = reader.text(&table, "level") {
        match check_level(&level) {
            Ok(()) => settings.log_level = level,
            Err(reason) => reader.refuse("log.level", format!("`log.level`: {reason}")),
        }
    }
    match reader.text(&table, "format").as_deref() {
        None => {}
        Some("text") => settings.log_format = LogFormat::Text,
        Some("json") => settings.log_format = LogFormat::Json,
        Some(other) => {
            let guess = nearest(other, &["text", "json"]);
            let guess = guess.map(|guess| format!(" (did you mean {guess}?)")).unwrap_or_default();
            reader.refuse("log.format", format!("`log.format` {other:?} is neither text nor json{guess}"));
        }
    }
}
