//! TLS around the links between nodes: version 1.3 alone, and at both ends a certificate of one of the cluster's
//! authorities.
//!
//! A certificate is good for its chain, its dates and its purposes; where its node is does not matter, for nodes move. The
//! name in it does: it is who the node is, for as long as it has its id (see [`Bond`](switchboard::mesh::Bond)). What a peer
//! will ask of the own certificate is asked at the start, with the same code.
//!
//! Every link has a whole handshake of its own: nothing is resumed, so what was true of a certificate is asked anew each time.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard::env::AnyStream;
use switchboard::mesh::{Shield, Shielded};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ConnectionCommon, DigitallySignedStruct, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What the binding of a link is derived for; see RFC 9266 for why it is the same at both ends of one connection only.
const BINDING: &[u8] = b"EXPORTER-switchboard-mesh";
/// TLS wants to know whom it dials. Nobody has this name, and it is not sent.
const NOBODY: &str = "node.invalid";

/// What is wrong with what TLS was given, in words that go behind the name of a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsError {
    /// With the authorities.
    #[error("{0}")]
    Authorities(String),
    /// With the node's certificate, or those between it and an authority.
    #[error("{0}")]
    Certificate(String),
    /// With the key of the node's certificate.
    #[error("{0}")]
    Key(String),
}

/// A node's certificate, and whose certificates it trusts.
pub struct Tls {
    name: Box<str>,
    connector: TlsConnector,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS with a certificate, which stands first in its chain, and its key.
    ///
    /// # Errors
    /// [`TlsError`]: something that peers would refuse, now.
    pub fn new(
        authorities: Vec<CertificateDer<'static>>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let added = roots.add(authority);
            added.map_err(|error| TlsError::Authorities(format!("cannot be used: {error}")))?;
        }
        let roots = Arc::new(roots);
        let name = chain.first().map_or_else(|| Err("is not there".into()), name_of);
        let name = name.map_err(TlsError::Certificate)?;
        let servers = Arc::new(Servers {
            roots: Arc::clone(&roots),
            algorithms: provider.signature_verification_algorithms,
        });
        let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        // Strangers need not know who the authorities are.
        let clients = clients.clear_root_hint_subjects().build();
        let clients = clients.map_err(|error| TlsError::Authorities(format!("cannot be used: {error}")))?;
        check(&chain, &servers, &*clients).map_err(TlsError::Certificate)?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|_| TlsError::Key("holds a key of a kind that is not supported".into()))?;
        let key = CertifiedKey::new(chain, key);
        key.keys_match().map_err(|_| TlsError::Key("is not the key of the certificate".into()))?;
        let (connector, acceptor) = ends(&provider, Arc::new(key.into()), servers, clients)
            .map_err(|error| TlsError::Certificate(format!("cannot be used: {error}")))?;
        Ok(Self { name, connector, acceptor })
    }
}

/// Asks what both kinds of peers will ask.
fn check(
    chain: &[CertificateDer<'_>],
    servers: &Servers,
    clients: &dyn ClientCertVerifier,
) -> Result<(), String> {
    let (own, between) = chain.split_first().ok_or("is not there")?;
    let now = UnixTime::now();
    let asked = servers.check(own, between, now);
    asked.and_then(|()| clients.verify_client_cert(own, between, now).map(|_| ())).map_err(|error| {
        let Error::InvalidCertificate(wrong) = &error else { return format!("cannot be used: {error}") };
        in_words(wrong)
    })
}

/// How links are dialled, and how they are accepted.
fn ends(
    provider: &Arc<CryptoProvider>,
    own: Arc<SingleCertAndKey>,
    servers: Arc<Servers>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<(TlsConnector, TlsAcceptor), Error> {
    let mut client = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(servers)
        .with_client_cert_resolver(own.clone());
    client.enable_sni = false;
    client.resumption = Resumption::disabled();
    let mut server = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(own);
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok((Arc::new(client).into(), Arc::new(server).into()))
}

/// Who a certificate is for: its first URI, or else its first DNS name. They cannot be mistaken for one another, for a URI
/// has a colon in it.
fn name_of(certificate: &CertificateDer<'_>) -> Result<Box<str>, String> {
    let certificate =
        webpki::EndEntityCert::try_from(certificate).map_err(|error| format!("cannot be read: {error}"))?;
    let uri = certificate.valid_uri_names().next().map(Into::into);
    let name =
        uri.or_else(|| certificate.valid_dns_names().next().map(|name| name.to_ascii_lowercase().into()));
    name.ok_or_else(|| {
        "names nobody: a node is known by the first URI, or else the first DNS name, among the alternative names of its \
         certificate"
            .into()
    })
}

impl Shield for Tls {
    fn name(&self) -> &str {
        &self.name
    }

    fn dialled(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>> {
        let nobody = ServerName::try_from(NOBODY).expect("a constant name must be one");
        let connecting = self.connector.connect(nobody, stream);
        async move {
            let stream = connecting.await.map_err(told)?;
            let (name, binding) = proven(stream.get_ref().1)?;
            Ok(Shielded { stream: Box::new(stream), name, binding })
        }
        .boxed()
    }

    fn accepted(&self, stream: AnyStream) -> BoxFuture<'static, io::Result<Shielded>> {
        let accepting = self.acceptor.accept(stream);
        async move {
            let stream = accepting.await.map_err(told)?;
            let (name, binding) = proven(stream.get_ref().1)?;
            Ok(Shielded { stream: Box::new(stream), name, binding })
        }
        .boxed()
    }
}

/// The name at the other end of a connection, and what binds a handshake to this connection.
fn proven<S>(connection: &ConnectionCommon<S>) -> io::Result<(Box<str>, [u8; 32])> {
    let peer = connection.peer_certificates().and_then(<[_]>::first);
    let name = peer.map_or_else(|| Err("is not there".into()), name_of);
    let name = name.map_err(|reason| io::Error::other(format!("the other end's certificate {reason}")))?;
    let binding = connection.export_keying_material([0; 32], BINDING, None).map_err(io::Error::other)?;
    Ok((name, binding))
}

/// Why there is no TLS, in words for whoever runs both ends.
fn told(error: io::Error) -> io::Error {
    let kind = error.kind();
    let text = match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(wrong)) => format!("the other end's certificate {}", in_words(wrong)),
        Some(Error::NoCertificatesPresented) => "the other end shows no certificate".to_owned(),
        Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) => {
            "the other end speaks no TLS and this node does: the nodes of a cluster do so all or none"
                .to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!("the other end refuses TLS with this node: {alert:?}"),
        Some(other) => format!("no TLS: {other}"),
        None if kind == io::ErrorKind::UnexpectedEof || kind == io::ErrorKind::ConnectionReset => {
            "closed by the other end in the middle of TLS's handshake: it may speak no TLS".to_owned()
        }
        None => return error,
    };
    io::Error::new(kind, text)
}

/// What is wrong with a certificate, to be read after its name.
fn in_words(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet, or the clock of this machine is slow".into()
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is of none of the authorities in ca_file".into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "must be for serverAuth and clientAuth, since a node is both, or have no extended key usage"
                .into()
        }
        other => format!("cannot be used: {other}"),
    }
}

/// What is asked of the certificate of a node that was dialled. The chain, and no name: which node it must be is for the
/// mesh to say.
#[derive(Debug)]
struct Servers {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Servers {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, between, now, algorithms)
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(certificate, between, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
