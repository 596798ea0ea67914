//! `[cluster]`: how a node takes part in a cluster.
//!
//! A file or one option of the command line is enough to open the section. Seeds are kept as they are written: a name is
//! looked up when the node starts, not when a file is read, see [`seeds`](super::seeds).

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use switchboard::mesh::Shield;
use switchboard::node::ClusterConfig;

use super::problem::Place;
use super::reader::{Reader, Table};
use super::seeds::check_seed;
use super::{CLUSTER_DEFAULT, ClusterOverrides, secret, tls};

const KEYS: [&str; 12] = [
    "name",
    "listen",
    "advertise",
    "seeds",
    "found",
    "secret",
    "secret_file",
    "zone",
    "nodes",
    "groups",
    "key_rotate_ms",
    "tls",
];

/// What a cluster is called where nobody says otherwise.
const NAME: &str = "switchboard";
/// There is no point in more groups than ids have slots.
const GROUPS_MAX: u64 = 4_096;
/// The map of a cluster has room for so many nodes.
const NODES_MAX: u64 = 1_000;
/// A minute to a year. Keys are told to every node before they seal, so a shorter time would keep the control group busy.
const KEY_ROTATE_MS: RangeInclusive<u64> = 60_000..=365 * 24 * 3_600_000;
/// What stands for a secret that is noted as a problem already. It breaks no rule, and is never used.
const UNUSABLE: [u8; 32] = [1; 32];

/// What a file says of the cluster, where it has the section.
#[derive(Default)]
pub(super) struct Draft {
    name: Option<String>,
    listen: Option<SocketAddr>,
    advertise: Option<SocketAddr>,
    seeds: Vec<String>,
    found: bool,
    secret: Option<[u8; 32]>,
    zone: String,
    nodes: Option<usize>,
    groups: Option<u16>,
    key_rotate_ms: Option<u64>,
    tls: Option<Arc<dyn Shield>>,
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, root: &Table<'_>) -> Option<Draft> {
    let table = reader.table(root, "cluster", &KEYS)?;
    let name = reader.text(&table, "name");
    if name.as_deref() == Some("") {
        reader.refuse("cluster.name", "`cluster.name` must not be empty");
    }
    Some(Draft {
        name: name.filter(|name| !name.is_empty()),
        listen: address(reader, &table, "listen"),
        advertise: address(reader, &table, "advertise"),
        seeds: seeds(reader, &table),
        found: reader.flag(&table, "found").unwrap_or(false),
        secret: secret(reader, &table),
        zone: reader.text(&table, "zone").unwrap_or_default(),
        nodes: reader.number(&table, "nodes", 1..=NODES_MAX).and_then(|nodes| usize::try_from(nodes).ok()),
        groups: reader.number(&table, "groups", 1..=GROUPS_MAX).and_then(|groups| u16::try_from(groups).ok()),
        key_rotate_ms: reader.number(&table, "key_rotate_ms", KEY_ROTATE_MS),
        tls: tls::read(reader, &table),
    })
}

/// An address that cannot be "off": a node of a cluster is reached by the others.
fn address(reader: &mut Reader<'_>, table: &Table<'_>, key: &str) -> Option<SocketAddr> {
    let address = reader.address(table, key)?;
    if address.is_none() {
        let path = format!("cluster.{key}");
        reader.refuse(
            &path,
            format!("`{path}` cannot be off: leave out [cluster] where the node is to be alone"),
        );
    }
    address
}

fn seeds(reader: &mut Reader<'_>, table: &Table<'_>) -> Vec<String> {
    let seeds = reader.texts(table, "seeds").unwrap_or_default();
    for (at, seed) in seeds.iter().enumerate() {
        // What stands for an entry that is no string is noted already.
        if seed != "*"
            && let Err(reason) = check_seed(seed)
        {
            reader.refuse(&format!("cluster.seeds.{at}"), format!("`cluster.seeds` {seed:?} {reason}"));
        }
    }
    seeds
}

fn secret(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<[u8; 32]> {
    let (text, file) = (reader.text(table, "secret"), reader.text(table, "secret_file"));
    if text.is_some() && file.is_some() {
        reader.refuse(
            "cluster.secret",
            "`cluster.secret` and `cluster.secret_file` say the same: leave one out",
        );
    }
    let (path, read) = match (text, file) {
        (_, Some(file)) => {
            let read = secret::read_file(&PathBuf::from(&file));
            ("cluster.secret_file", read.map_err(|reason| format!("`cluster.secret_file` {file:?} {reason}")))
        }
        (Some(text), None) => {
            let read = secret::read_text(&text);
            ("cluster.secret", read.map_err(|reason| format!("`cluster.secret` {reason}")))
        }
        // What is there and cannot be used is noted already.
        (None, None) => {
            let is_noted = reader.is_set("cluster.secret") || reader.is_set("cluster.secret_file");
            return is_noted.then_some(UNUSABLE);
        }
    };
    Some(read.unwrap_or_else(|reason| {
        reader.refuse(path, reason);
        UNUSABLE
    }))
}

/// Puts the command line over what the file says; `None` where neither speaks of a cluster. Returns the seeds beside it, as
/// they are written.
pub(super) fn settle(
    reader: &mut Reader<'_>,
    draft: Option<Draft>,
    overrides: ClusterOverrides,
) -> Option<(ClusterConfig, Vec<String>)> {
    let flag = overrides.first();
    if draft.is_none() {
        reader.note("cluster", Place::Flag(flag?));
    }
    let draft = draft.unwrap_or_default();
    let ClusterOverrides { name, listen, seeds, found, secret_file, zone } = overrides;
    for (key, flag, is_given) in [
        ("listen", "--cluster-listen", listen.is_some()),
        ("seeds", "--seed", !seeds.is_empty()),
        ("secret_file", "--secret-file", secret_file.is_some()),
    ] {
        if is_given {
            reader.note(&format!("cluster.{key}"), Place::Flag(flag));
        }
    }
    let secret = match secret_file {
        Some(file) => secret::read_file(&file).unwrap_or_else(|reason| {
            reader.refuse("cluster.secret_file", format!("{} {reason}", file.display()));
            UNUSABLE
        }),
        None => draft.secret.unwrap_or_else(|| {
            reader.refuse(
                "cluster",
                "a cluster needs a secret: `switchboard secret FILE` makes one, and `secret_file` (or \
                 --secret-file) says where it is",
            );
            UNUSABLE
        }),
    };
    let listen = listen
        .or(draft.listen)
        .unwrap_or_else(|| CLUSTER_DEFAULT.parse().expect("a default address must be one"));
    let told = draft.advertise.unwrap_or(listen);
    if told.ip().is_unspecified() {
        reader.refuse(
            if draft.advertise.is_some() { "cluster.advertise" } else { "cluster.listen" },
            format!(
                "other nodes cannot connect to {told}: `cluster.advertise` must say which address of this machine is theirs"
            ),
        );
    }
    let mut config =
        ClusterConfig::new(name.or(draft.name).unwrap_or_else(|| NAME.to_owned()), listen, secret);
    config.advertise = draft.advertise;
    config.found = found || draft.found;
    config.zone = zone.unwrap_or(draft.zone);
    config.nodes = draft.nodes.unwrap_or(config.nodes);
    config.groups = draft.groups.unwrap_or(config.groups);
    config.key_rotate_ms = draft.key_rotate_ms.unwrap_or(config.key_rotate_ms);
    config.shield = draft.tls;
    let seeds = if seeds.is_empty() { draft.seeds } else { seeds };
    config.seeds = seeds.iter().filter_map(|seed| seed.parse().ok()).collect();
    Some((config, seeds))
}
