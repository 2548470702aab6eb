//! The whole house of a test: servers, vendors, a configuration, and the processes on top.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::eventually::eventually;
use crate::http::Http;
use crate::servers::Servers;
use crate::tillbook::Tillbook;
use crate::vendors::Vendors;

/// Seals the tokens of every house, and the same as a configuration has it.
pub const SECRET_KEY: [u8; 32] = *b"the key of every house in a test";
pub const SECRET_KEY_TEXT: &str = "dGhlIGtleSBvZiBldmVyeSBob3VzZSBpbiBhIHRlc3Q=";

/// The bound of every wait of the house's own.
const LIMIT: Duration = Duration::from_secs(60);

/// A store and the account its orders go to.
#[derive(Clone, Debug)]
pub struct Connection {
    pub name: String,
    pub store_hash: String,
    pub account_id: String,
    /// Merged over what the store is created with, e.g. `{"tax_inclusive": true}`.
    pub store: Value,
    /// Merged over what the account is created with, e.g. `{"limits": null}`.
    pub account: Value,
    /// Lines below `[connections.policy]`, as TOML.
    pub policy: String,
}

impl Connection {
    /// A connection named `name`, its store and account named after it.
    pub fn named(name: &str) -> Self {
        let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Self {
            name: name.to_owned(),
            store_hash: format!("store{bare}"),
            account_id: format!("account{bare}"),
            store: json!({}),
            account: json!({}),
            policy: String::new(),
        }
    }

    pub fn access_token(&self) -> String {
        format!("access-token-of-{}", self.name)
    }

    pub fn client_secret(&self) -> String {
        format!("client-secret-of-{}", self.name)
    }
}

/// What to build.
#[derive(Clone, Debug)]
pub struct HouseOptions {
    pub connections: Vec<Connection>,
    /// Sections of `tillbook.toml` as text, e.g. `"[stage]\nretry_base_ms = 50\n"`.
    pub config: String,
    /// Which processes to start: `["all"]`, or services by name; none starts nothing.
    pub services: Vec<String>,
}

impl Default for HouseOptions {
    /// One connection, `acme`, and everything in one process.
    fn default() -> Self {
        Self {
            connections: vec![Connection::named("acme")],
            config: String::new(),
            services: vec!["all".to_owned()],
        }
    }
}

/// A running house; everything ends with it.
#[derive(Debug)]
pub struct House {
    // In the order of their end: processes first, servers after them.
    processes: Vec<(String, Tillbook)>,
    pub servers: Servers,
    pub vendors: Vendors,
    pub connections: Vec<Connection>,
    pub http: Http,
    config: PathBuf,
    console: String,
}

impl House {
    /// Boots servers and emulators, creates stores and accounts, bootstraps the streams, starts the
    /// processes and waits until the stores know where to send their hooks.
    pub async fn start(options: HouseOptions) -> anyhow::Result<Self> {
        let servers = Servers::start().await?;
        let vendors = Vendors::start().await?;
        // They stay the same when a process is started again.
        let (hooks_port, console_port) = (::servers::free_port()?, ::servers::free_port()?);
        for connection in &options.connections {
            open(&vendors, connection).await?;
        }
        let config = servers.folder().join("tillbook.toml");
        let text = config_text(&options, &vendors, hooks_port, console_port)?;
        std::fs::write(&config, text).context("writing the configuration")?;
        let mut house = Self {
            processes: Vec::new(),
            servers,
            vendors,
            connections: options.connections,
            http: Http::new()?,
            config,
            console: format!("http://127.0.0.1:{console_port}"),
        };
        house.bootstrap().await?;
        let receives = |service: &String| service == "all" || service == "ingest";
        let has_hooks = options.services.iter().any(receives);
        for service in &options.services {
            house.start_service(service).await?;
        }
        if has_hooks {
            house.hooks_registered().await?;
        }
        Ok(house)
    }

    /// The first connection, for houses that have one.
    pub fn connection(&self) -> anyhow::Result<&Connection> {
        self.connections
            .first()
            .context("this house has no connection")
    }

    /// The path of `tillbook.toml`.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where the monitor's API is.
    pub fn console(&self) -> &str {
        &self.console
    }

    /// The environment that every process gets: where the servers are, and the keys.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TILLBOOK_NATS_URL", self.servers.nats_url()),
            (
                "TILLBOOK_NATS_NKEYS_DIR",
                self.servers.nkeys().to_string_lossy().into_owned(),
            ),
            ("TILLBOOK_REDIS_URL", self.servers.redis_url()),
            ("TILLBOOK_SECRET_KEY", SECRET_KEY_TEXT.to_owned()),
        ]
    }

    /// Creates or migrates the streams.
    pub async fn bootstrap(&self) -> anyhow::Result<()> {
        let output = Tillbook::command(&self.config, &["bootstrap"], &self.environment()).await?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "bootstrap failed: {complaint}");
        Ok(())
    }

    /// Starts a service (again).
    pub async fn start_service(&mut self, service: &str) -> anyhow::Result<()> {
        let environment = self.environment();
        let process =
            Tillbook::start(&self.config, service, &environment, self.servers.folder()).await?;
        self.processes.push((service.to_owned(), process));
        Ok(())
    }

    /// A running process.
    pub fn service(&self, service: &str) -> Option<&Tillbook> {
        self.processes
            .iter()
            .find(|(name, _)| name == service)
            .map(|(_, process)| process)
    }

    /// Kills a service with SIGKILL; [`start_service`](Self::start_service) starts it again.
    pub async fn kill9(&mut self, service: &str) -> anyhow::Result<()> {
        self.take(service)?.kill9().await
    }

    /// Ends a service with SIGTERM and expects it to exit with 0.
    pub async fn terminate(&mut self, service: &str) -> anyhow::Result<()> {
        let status = self.take(service)?.terminate().await?;
        anyhow::ensure!(status.success(), "{service} ended with {status}");
        Ok(())
    }

    fn take(&mut self, service: &str) -> anyhow::Result<Tillbook> {
        let place = self.processes.iter().position(|(name, _)| name == service);
        let place = place.with_context(|| format!("{service} does not run in this house"))?;
        Ok(self.processes.swap_remove(place).1)
    }

    /// Everything the processes logged so far.
    pub fn logs(&self) -> String {
        self.processes
            .iter()
            .map(|(_, process)| process.log())
            .collect()
    }

    /// The monitor's story of an order, as its API gives it.
    pub async fn story(&self, connection: &Connection, order_id: u64) -> anyhow::Result<Value> {
        let Connection { name, .. } = connection;
        self.http
            .get(&format!("{}/api/v1/orders/{name}/{order_id}", self.console))
            .await
    }

    /// Waits until exactly one invoice of this order is in the books and gives it.
    pub async fn invoice_of(
        &self,
        connection: &Connection,
        order_id: u64,
    ) -> anyhow::Result<Value> {
        let what = format!("the invoice of order {order_id}");
        eventually(LIMIT, &what, async || {
            let number = order_id.to_string();
            let mut found = self
                .vendors
                .invoices(&connection.account_id, &number)
                .await?;
            anyhow::ensure!(found.len() == 1, "{} invoices", found.len());
            found.pop().context("no invoice")
        })
        .await
    }

    /// Waits until every store has active hooks that lead to us.
    async fn hooks_registered(&self) -> anyhow::Result<()> {
        for connection in &self.connections {
            let what = format!("the hooks of {}", connection.name);
            eventually(LIMIT, &what, async || {
                let url = format!(
                    "{}/_sandbox/stores/{}",
                    self.vendors.bigcommerce, connection.store_hash
                );
                let store = self.http.get(&url).await?;
                let hooks = store.get("hooks").and_then(Value::as_u64).unwrap_or(0);
                anyhow::ensure!(hooks > 0, "no hooks yet");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

async fn open(vendors: &Vendors, connection: &Connection) -> anyhow::Result<()> {
    let name = &connection.name;
    let store = json!({
        "store_hash": connection.store_hash,
        "access_token": connection.access_token(),
        "client_secret": connection.client_secret(),
        "retry_scale": "0.001",
    });
    vendors
        .create_store(&merged(store, &connection.store))
        .await?;
    let account = json!({
        "account_id": connection.account_id,
        "client_id": format!("client-id-of-{name}"),
        "client_secret": format!("app-secret-of-{name}"),
        "refresh_token": format!("refresh-token-of-{name}"),
    });
    vendors
        .create_account(&merged(account, &connection.account))
        .await
}

fn merged(mut base: Value, over: &Value) -> Value {
    if let (Some(base), Some(over)) = (base.as_object_mut(), over.as_object()) {
        base.extend(over.clone());
    }
    base
}

fn config_text(
    options: &HouseOptions,
    vendors: &Vendors,
    hooks_port: u16,
    console_port: u16,
) -> anyhow::Result<String> {
    let mut text = format!(
        "public_url = \"http://127.0.0.1:{hooks_port}\"\ndata_dir = \"data\"\n\n\
         [monitor]\nlisten = \"127.0.0.1:{console_port}\"\n\n{}\n",
        options.config
    );
    let Vendors {
        bigcommerce,
        freshbooks,
        ..
    } = vendors;
    for connection in &options.connections {
        let Connection {
            name,
            store_hash,
            account_id,
            policy,
            ..
        } = connection;
        let (access_token, client_secret) = (connection.access_token(), connection.client_secret());
        write!(
            text,
            r#"
[[connections]]
name = "{name}"

[connections.bigcommerce]
api_url = "{bigcommerce}"
store_hash = "{store_hash}"
access_token = "{access_token}"
client_secret = "{client_secret}"

[connections.freshbooks]
api_url = "{freshbooks}"
auth_url = "{freshbooks}"
account_id = "{account_id}"
client_id = "client-id-of-{name}"
client_secret = "app-secret-of-{name}"
refresh_token = "refresh-token-of-{name}"
redirect_uri = "http://127.0.0.1:{hooks_port}/oauth/freshbooks"
"#
        )?;
        if !policy.is_empty() {
            writeln!(text, "\n[connections.policy]\n{policy}")?;
        }
    }
    Ok(text)
}
