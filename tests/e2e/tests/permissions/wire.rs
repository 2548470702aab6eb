//! The server's own protocol, as far as asking and being refused goes.
//!
//! A client library would wait for answers that a refusal never brings; here a `PING` behind the
//! questions ends them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use testkit::Servers;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What is asked of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Publish,
    Subscribe,
}

/// One user's connection.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    /// Connects with the seed that `tillbook bootstrap` made for the user.
    pub(crate) async fn connect(servers: &Servers, user: &str) -> anyhow::Result<Self> {
        let seed = std::fs::read_to_string(servers.nkeys().join(format!("{user}.nk")))?;
        Self::connect_with(servers, &KeyPair::from_seed(seed.trim())?).await
    }

    pub(crate) async fn connect_with(servers: &Servers, key: &KeyPair) -> anyhow::Result<Self> {
        let (mut wire, info) = Self::open(servers).await?;
        let nonce = info.get("nonce").and_then(Value::as_str);
        let nonce = nonce.context("the server asks for no signature")?;
        let signature = URL_SAFE_NO_PAD.encode(key.sign(nonce.as_bytes())?);
        let connect = json!({
            "verbose": false, "pedantic": false, "echo": false, "headers": true, "protocol": 1,
            "lang": "test", "version": "1", "nkey": key.public_key(), "sig": signature,
        });
        wire.send(&format!("CONNECT {connect}\r\n")).await?;
        match wire.until_pong().await?.first() {
            None => Ok(wire),
            Some(error) => bail!("{error}"),
        }
    }

    async fn open(servers: &Servers) -> anyhow::Result<(Self, Value)> {
        let stream = TcpStream::connect(("127.0.0.1", servers.nats.port())).await?;
        let mut wire = Self {
            stream: BufReader::new(stream),
        };
        let line = wire.line().await?;
        let info = line.strip_prefix("INFO ").context("no INFO")?;
        Ok((wire, serde_json::from_str(info)?))
    }

    /// Asks for each subject; gives those that the server refused.
    pub(crate) async fn refused(
        &mut self,
        ask: Ask,
        subjects: &BTreeSet<String>,
    ) -> anyhow::Result<BTreeSet<String>> {
        let mut text = String::new();
        for (number, subject) in subjects.iter().enumerate() {
            text.push_str(&match ask {
                Ask::Publish => format!("PUB {subject} 0\r\n\r\n"),
                Ask::Subscribe => format!("SUB {subject} {number}\r\n"),
            });
        }
        self.send(&text).await?;
        let mut refused = BTreeSet::new();
        for error in self.until_pong().await? {
            let subject = error.split('"').nth(1);
            let subject = subject.filter(|_| error.contains("Permissions Violation"));
            refused.insert(subject.context(error.clone())?.to_owned());
        }
        Ok(refused)
    }

    /// The errors that come before the answer to a ping.
    async fn until_pong(&mut self) -> anyhow::Result<Vec<String>> {
        self.send("PING\r\n").await?;
        let mut errors = Vec::new();
        loop {
            let line = self.line().await?;
            if line.starts_with("PONG") {
                return Ok(errors);
            }
            if line.starts_with("-ERR") {
                let is_last = line.contains("Authorization");
                errors.push(line);
                if is_last {
                    return Ok(errors);
                }
            }
        }
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        Ok(line)
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }
}

/// The first error that a `CONNECT` with these words is answered with.
pub(crate) async fn answer_to(servers: &Servers, connect: &str) -> anyhow::Result<String> {
    let (mut wire, _) = Wire::open(servers).await?;
    wire.send(&format!("CONNECT {connect}\r\n")).await?;
    let errors = wire.until_pong().await?;
    Ok(errors.into_iter().next().unwrap_or_default())
}
