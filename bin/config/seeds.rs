//! Seeds by name: `host:port`, where one name may stand for many nodes.
//!
//! Names are looked up when the node starts. Where the nodes of a cluster start together, their names often come a moment
//! later than they themselves, so a lookup that finds nothing is repeated for a while.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{Instant, sleep, timeout};

/// How long one lookup may take.
const LOOKUP_MS_MAX: u64 = 5_000;
/// How long names are tried until one has an address.
const NAMES_MS_MAX: u64 = 30_000;
const PAUSE_MS: u64 = 1_000;

/// Checks a seed as a person writes it: `10.0.0.5:7070`, `[fd00::5]:7070`, `nodes.internal:7070`.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn check_seed(text: &str) -> Result<(), String> {
    const RIGHT: &str =
        "write HOST:PORT, such as \"10.0.0.5:7070\", \"[fd00::5]:7070\" or \"nodes.internal:7070\"";
    if text.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0) {
        return Ok(());
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("has no port: {RIGHT}"));
    };
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_name || !port.parse::<u16>().is_ok_and(|port| port != 0) {
        return Err(format!("is no seed: {RIGHT}"));
    }
    Ok(())
}

/// The addresses of all seeds, each once. Where `may_be_none`, names without an address are left out at once; else they are
/// tried until one has an address.
///
/// # Errors
/// No seed has an address; each name with its reason.
pub async fn look_up_seeds(seeds: &[String], may_be_none: bool) -> Result<Vec<SocketAddr>, String> {
    let due = Instant::now() + Duration::from_millis(NAMES_MS_MAX);
    loop {
        let (mut found, mut failed) = (BTreeSet::new(), Vec::new());
        for seed in seeds {
            match look_up(seed).await {
                Ok(addresses) => found.extend(addresses),
                Err(reason) => failed.push(format!("{seed}: {reason}")),
            }
        }
        let is_enough = !found.is_empty() || may_be_none || seeds.is_empty();
        if is_enough || Instant::now() >= due {
            for reason in &failed {
                tracing::warn!("a seed is left out: {reason}");
            }
            if is_enough {
                return Ok(found.into_iter().collect());
            }
            return Err(format!(
                "no seed has an address after {} s: {}",
                NAMES_MS_MAX / 1_000,
                failed.join("; ")
            ));
        }
        tracing::info!("no seed has an address yet: {}", failed.join("; "));
        sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}

async fn look_up(seed: &str) -> Result<Vec<SocketAddr>, String> {
    match timeout(Duration::from_millis(LOOKUP_MS_MAX), lookup_host(seed)).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the lookup took more than {} s", LOOKUP_MS_MAX / 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_host_and_a_port() {
        for right in ["10.0.0.5:7070", "[fd00::5]:7070", "nodes.internal:7070", "node_1:1"] {
            assert_eq!(check_seed(right), Ok(()), "{right}");
        }
        for wrong in
            ["", "7070", "node", "node:", ":7070", "node:0", "node:70700", "http://node:7070", "::1:7070"]
        {
            assert!(check_seed(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_name_gives_its_addresses_and_one_without_any_is_left_out() {
        let seeds = ["localhost:7070", "127.0.0.1:7070", "nowhere.invalid:7070"].map(str::to_owned);
        let found = look_up_seeds(&seeds, false).await.expect("loopback has an address");
        assert!(found.contains(&SocketAddr::from(([127, 0, 0, 1], 7070))), "{found:?}");
        assert!(found.iter().all(|address| address.ip().is_loopback()) && found.len() <= 2, "{found:?}");
        assert_eq!(look_up_seeds(&seeds[2..], true).await, Ok(Vec::new()));
    }
}
