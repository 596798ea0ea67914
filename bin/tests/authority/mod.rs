//! An authority that issues certificates to the nodes of a test, and the files that they are in.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ED25519, SanType,
};

/// What an authority issued, as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority can be made"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a DNS name, or for a URI where it has a colon; for nobody where it is empty.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_as(name, |_| {})
    }

    /// One that expires so soon, or did so long ago.
    pub(crate) fn issue_until(&self, name: &str, end: SystemTime) -> Issued {
        self.issue_as(name, |params| {
            params.not_before = (end - Duration::from_secs(3_600)).into();
            params.not_after = end.into();
        })
    }

    /// One for clients alone.
    pub(crate) fn issue_to_client(&self, name: &str) -> Issued {
        self.issue_as(name, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    fn issue_as(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a node");
        if !name.is_empty() {
            let text = name.try_into().expect("names here are ASCII");
            let name = if name.contains(':') { SanType::URI(text) } else { SanType::DnsName(text) };
            params.subject_alt_names = vec![name];
        }
        change(&mut params);
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("it can issue");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key can be made")
}

/// Writes a file where no other test does.
pub(crate) fn file(text: &str, mode: u32) -> PathBuf {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}.pem", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder for tests must be writable");
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("one's own file");
    path
}

/// The section of a configuration that has these.
pub(crate) fn section(authorities: &str, issued: &Issued) -> String {
    let quoted = |path: PathBuf| format!("{:?}", path.display().to_string());
    format!(
        "[cluster.tls]\nca_file = {}\ncert_file = {}\nkey_file = {}\n",
        quoted(file(authorities, 0o644)),
        quoted(file(&issued.certificate, 0o644)),
        quoted(file(&issued.key, 0o600)),
    )
}
