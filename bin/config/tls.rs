//! `[cluster.tls]`: certificates for the links between nodes, each in a file of its own, as PEM.
//!
//! The files are read with the configuration, so that `switchboard check` tells what a node would be refused for.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use switchboard::mesh::Shield;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::reader::{Reader, Table};
use super::secret::open_private;
use crate::world::{Tls, TlsError};

const KEYS: [&str; 3] = ["ca_file", "cert_file", "key_file"];
/// Longer files hold no certificates that a handshake could carry.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads the section. `None` where it is not there, and where something in it is wrong, which is noted.
pub(super) fn read(reader: &mut Reader<'_>, cluster: &Table<'_>) -> Option<Arc<dyn Shield>> {
    let table = reader.table(cluster, "tls", &KEYS)?;
    let files = KEYS.map(|key| reader.required_text(&table, key));
    let mut refuse = |key: &str, file: &str, reason: &str| {
        let path = format!("cluster.tls.{key}");
        reader.refuse(&path, format!("`{path}` {file:?} {reason}"));
    };
    let [ca, certificate, key] = &files;
    let authorities = ca.as_deref().map(|file| (certificates(file), file));
    let chain = certificate.as_deref().map(|file| (certificates(file), file));
    let key = key.as_deref().map(|file| (private_key(file), file));
    // Everything that is wrong at once: a file is not to hide the next.
    if let Some((Err(reason), file)) = &authorities {
        refuse("ca_file", file, reason);
    }
    if let Some((Err(reason), file)) = &chain {
        refuse("cert_file", file, reason);
    }
    if let Some((Err(reason), file)) = &key {
        refuse("key_file", file, reason);
    }
    let (Some((Ok(authorities), ca)), Some((Ok(chain), certificate)), Some((Ok(private), key))) =
        (authorities, chain, key)
    else {
        return None;
    };
    match Tls::new(authorities, chain, private) {
        Ok(tls) => return Some(Arc::new(tls)),
        Err(TlsError::Authorities(reason)) => refuse("ca_file", ca, &reason),
        Err(TlsError::Certificate(reason)) => refuse("cert_file", certificate, &reason),
        Err(TlsError::Key(reason)) => refuse("key_file", key, &reason),
    }
    None
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = bytes_of(File::open(Path::new(file)).map_err(|error| format!("cannot be read: {error}"))?)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| format!("is no PEM: {error}"))?;
    if certificates.is_empty() {
        return Err("holds no certificate: it must begin with -----BEGIN CERTIFICATE-----".to_owned());
    }
    Ok(certificates)
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = bytes_of(open_private(Path::new(file), "whoever has the key can be this node")?)?;
    // What stands there is no part of a message.
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| "holds no private key: it must begin with -----BEGIN PRIVATE KEY-----".to_owned())
}

fn bytes_of(file: File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}
