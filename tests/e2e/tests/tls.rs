//! NATS over TLS, each side with a certificate that the other asks for.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use servers::NatsServer;
use testkit::{House, HouseOptions, Tillbook};

/// An authority and what it signs, as PEM files in a folder.
struct Authority<'a> {
    folder: &'a Path,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Where a certificate and its key are.
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl<'a> Authority<'a> {
    fn new(folder: &'a Path, name: &str) -> anyhow::Result<(Self, PathBuf)> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, issuer.pem())?;
        Ok((Self { folder, issuer }, file))
    }

    fn sign(&self, name: &str) -> anyhow::Result<Identity> {
        let key_pair = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let signed = CertificateParams::new(names)?.signed_by(&key_pair, &self.issuer)?;
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}-key.pem")),
        };
        std::fs::write(&identity.certificate, signed.pem())?;
        std::fs::write(&identity.key, key_pair.serialize_pem())?;
        Ok(identity)
    }
}

/// The configuration that `tillbook bootstrap` writes for a server that speaks TLS only.
async fn server_config(
    folder: &Path,
    server: &Identity,
    client_authority: &Path,
) -> anyhow::Result<String> {
    let file = folder.join("tls-nats.conf");
    let told = |path: &Path| path.to_string_lossy().into_owned();
    let arguments = [
        "bootstrap".to_owned(),
        "--write-nats-config".to_owned(),
        told(&file),
        "--nkeys".to_owned(),
        told(&folder.join("tls-nkeys")),
        "--tls-cert".to_owned(),
        told(&server.certificate),
        "--tls-key".to_owned(),
        told(&server.key),
        "--tls-client-ca".to_owned(),
        told(client_authority),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = Tillbook::command(&folder.join("none.toml"), &arguments, &[]).await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{complaint}");
    std::fs::read_to_string(&file).context("reading the server's configuration")
}

/// Lays out the streams with these keys of `[nats]`; gives the complaint of a refusal.
async fn bootstrap(
    house: &House,
    nats: &NatsServer,
    keys: &[(&str, &Path)],
) -> anyhow::Result<Result<(), String>> {
    let folder = house.servers.folder();
    let mut text = std::fs::read_to_string(house.config())?;
    text.push_str("\n[nats]\nconnect_timeout_s = 3\n");
    for (key, path) in keys {
        text.push_str(&format!("{key} = {:?}\n", path.to_string_lossy()));
    }
    let config = folder.join("over-tls.toml");
    std::fs::write(&config, text)?;
    let mut environment = house.environment();
    let nkeys = folder.join("tls-nkeys").to_string_lossy().into_owned();
    environment.retain(|(name, _)| !name.starts_with("TILLBOOK_NATS"));
    environment.push((
        "TILLBOOK_NATS_URL",
        format!("tls://127.0.0.1:{}", nats.port()),
    ));
    environment.push(("TILLBOOK_NATS_NKEYS_DIR", nkeys));
    let output = Tillbook::command(&config, &["bootstrap"], &environment).await?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() {
        Ok(())
    } else {
        Err(complaint)
    })
}

#[tokio::test]
async fn each_side_shows_a_certificate_that_the_other_accepts() -> anyhow::Result<()> {
    let house = House::start(HouseOptions::default()).await?;
    let folder = house.servers.folder();
    let (ours, ours_file) = Authority::new(folder, "authority")?;
    let (theirs, theirs_file) = Authority::new(folder, "another-authority")?;
    let config = server_config(folder, &ours.sign("server")?, &ours_file).await?;
    let nats = NatsServer::start_with(folder.join("tls-nats"), None, &config).await?;

    let client = ours.sign("client")?;
    let identity = [
        ("cert_file", client.certificate.as_path()),
        ("key_file", client.key.as_path()),
    ];
    let trusted = [&[("ca_file", ours_file.as_path())], &identity[..]].concat();
    let met = bootstrap(&house, &nats, &trusted).await?;
    ensure!(met.is_ok(), "{met:?}");

    let stranger = theirs.sign("stranger")?;
    let foreign = [
        ("ca_file", ours_file.as_path()),
        ("cert_file", stranger.certificate.as_path()),
        ("key_file", stranger.key.as_path()),
    ];
    let misled = [&[("ca_file", theirs_file.as_path())], &identity[..]].concat();
    let nameless = [("ca_file", ours_file.as_path())];
    let refused: [(&str, &[(&str, &Path)]); 3] = [
        ("a client without a certificate", &nameless),
        ("a client of another authority", &foreign),
        ("a server of another authority", &misled),
    ];
    for (what, keys) in refused {
        let met = bootstrap(&house, &nats, keys).await?;
        ensure!(met.is_err(), "{what} was accepted");
    }
    Ok(())
}
