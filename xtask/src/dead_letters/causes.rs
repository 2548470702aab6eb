//! Seven causes: how each is brought about, by which words its group is known, and how a person
//! mends it.

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::commands::Commands;
use crate::shops::scene::Scene;
use crate::shops::world::Merchant;

/// Letters that are mended one by one.
pub(super) const EDITED: usize = 3;

/// Retries end soon, so that an outage becomes letters; the last connection's books are closed.
pub(super) const CONFIG: &str = "\n[connections.policy]\nbooks_locked_until = \"2090-01-01\"\n\
    \n[stage]\nretry_base_ms = 50\nretry_cap_s = 1\nmax_attempts = 2\n";
/// The line of [`CONFIG`] that a person takes out.
const LOCKED: &str = "books_locked_until = \"2090-01-01\"\n";

/// What keeps the orders of one merchant from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// FreshBooks refuses the invoices.
    InvoiceRefused,
    /// FreshBooks refuses the payments.
    PaymentRefused,
    /// The account's plan allows no further clients.
    PlanLimit,
    /// FreshBooks breaks down when it is asked for clients.
    Away,
    /// The mapping wants a field that no order has.
    Mapping,
    /// The orders name no customer; a person adds one, letter by letter.
    NoCustomer,
    /// The books are closed.
    Closed,
}

/// One merchant a cause, in the order of [`Cause::ALL`].
pub(super) const MERCHANTS: [Merchant; 7] = [
    merchant("invoices", "dl1", "Dl0001"),
    merchant("payments", "dl2", "Dl0002"),
    merchant("plan", "dl3", "Dl0003"),
    merchant("away", "dl4", "Dl0004"),
    merchant("mapping", "dl5", "Dl0005"),
    merchant("nobody", "dl6", "Dl0006"),
    // The last: the policy at the end of the configuration is its.
    merchant("closed", "dl7", "Dl0007"),
];

const fn merchant(
    name: &'static str,
    store_hash: &'static str,
    account_id: &'static str,
) -> Merchant {
    Merchant {
        name,
        store_hash,
        account_id,
        tax_inclusive: false,
        no_rounding: false,
        currency: "USD",
        time_zone: "America/New_York",
    }
}

impl Cause {
    pub(super) const ALL: [Self; 7] = [
        Self::InvoiceRefused,
        Self::PaymentRefused,
        Self::PlanLimit,
        Self::Away,
        Self::Mapping,
        Self::NoCustomer,
        Self::Closed,
    ];

    pub(super) fn merchant(self) -> Merchant {
        let [invoices, payments, plan, away, mapping, nobody, closed] = MERCHANTS;
        match self {
            Self::InvoiceRefused => invoices,
            Self::PaymentRefused => payments,
            Self::PlanLimit => plan,
            Self::Away => away,
            Self::Mapping => mapping,
            Self::NoCustomer => nobody,
            Self::Closed => closed,
        }
    }

    /// Whether thousands of orders have it.
    pub(super) fn is_frequent(self) -> bool {
        self != Self::NoCustomer
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::NoCustomer => "no_customer_at_all",
            _ => "paid_card_one_line",
        }
    }

    /// Whether what the letters hold was made under the old rules.
    pub(super) fn needs_refetch(self) -> bool {
        self == Self::Closed
    }

    /// The cause of a group, by its only connection.
    pub(super) fn of_group(group: &Value) -> anyhow::Result<Self> {
        let names = group["connections"].as_array().context("a group of none")?;
        let [name] = names.as_slice() else {
            bail!("a group of several causes: {group}");
        };
        let found = Self::ALL
            .into_iter()
            .find(|cause| name == cause.merchant().name);
        found.with_context(|| format!("a group of no cause: {group}"))
    }

    /// Makes it so, before any order is placed.
    pub(super) async fn plant(self, scene: &Scene) -> anyhow::Result<()> {
        let merchant = self.merchant();
        let limits =
            json!({ "limits": { "reads_per_minute": 100_000, "creates_per_minute": 100_000 } });
        let account = format!(
            "{}/_sandbox/accounts/{}",
            scene.at.freshbooks, merchant.account_id
        );
        scene.http.patch(&account, &limits).await?;
        let fault = match self {
            Self::InvoiceRefused => json!({
                "kind": "status", "status": 422, "errno": 1004, "message": "Unable to save",
                "match": { "method": "POST", "path": "invoices/invoices" },
            }),
            Self::PaymentRefused => json!({
                "kind": "status", "status": 422, "errno": 1004, "message": "Unable to save",
                "match": { "method": "POST", "path": "payments/payments" },
            }),
            Self::PlanLimit => json!({
                "kind": "status", "status": 402, "errno": 7005, "message": "Plan limit",
                "match": { "method": "POST", "path": "users/clients" },
            }),
            // Only the clients: a vendor that is away as a whole makes no letters, work waits.
            Self::Away => json!({
                "kind": "status", "status": 503,
                "match": { "method": "GET", "path": "users/clients" },
            }),
            Self::Mapping => return self.publish(scene, "true").await,
            Self::NoCustomer | Self::Closed => return Ok(()),
        };
        let mut fault = fault;
        fault["account_id"] = json!(merchant.account_id);
        fault["times"] = json!(10_000_000);
        let url = format!("{}/_sandbox/faults", scene.at.freshbooks);
        scene.http.post(&url, &fault).await.map(drop)
    }

    /// Does what the proposed fix says.
    pub(super) async fn mend(
        self,
        scene: &Scene,
        commands: &mut Commands<'_>,
        group: &Value,
    ) -> anyhow::Result<()> {
        match self {
            Self::InvoiceRefused | Self::PaymentRefused | Self::PlanLimit | Self::Away => {
                commands.counted_elsewhere();
                self.lift_fault(scene).await
            }
            Self::Mapping => {
                commands.counted_elsewhere();
                self.publish(scene, "false").await
            }
            Self::NoCustomer => edit(commands, group).await,
            Self::Closed => {
                // The file and the restart.
                commands.counted_elsewhere();
                commands.counted_elsewhere();
                open_period(scene).await
            }
        }
    }

    async fn lift_fault(self, scene: &Scene) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/faults", scene.at.freshbooks);
        let faults = scene.http.get(&url).await?;
        let rows = faults.as_array().or_else(|| faults["faults"].as_array());
        let account = json!(self.merchant().account_id);
        let of_us = rows
            .into_iter()
            .flatten()
            .find(|fault| fault["account_id"] == account);
        let id = of_us
            .and_then(|fault| fault["id"].as_u64())
            .context("no fault")?;
        scene.http.delete(&format!("{url}/{id}")).await.map(drop)
    }

    /// Puts the built-in mapping in force with one more field, required or not.
    async fn publish(self, scene: &Scene, required: &str) -> anyhow::Result<()> {
        let mut show = scene.house.command();
        let shown = show.args(["mapping", "show"]).output().await?;
        let text = String::from_utf8(shown.stdout).context("the mapping is no text")?;
        let field = format!(
            "fields:\n  - {{to: invoice.terms, from: order.external_id, required: {required}}}\n"
        );
        let text = text.replacen("fields:\n", &field, 1);
        let file = scene.folder.join("mapping.yaml");
        std::fs::write(&file, text).context("writing the mapping")?;
        let mut publish = scene.house.command();
        publish.args(["mapping", "publish"]).arg(&file);
        publish.args(["--connection", self.merchant().name]);
        let done = publish.output().await?;
        if !done.status.success() {
            bail!("mapping publish: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }
}

/// Names the customer in each letter: shown, corrected, put back.
async fn edit(commands: &mut Commands<'_>, group: &Value) -> anyhow::Result<()> {
    let fingerprint = group["group"].as_str().context("a group without a name")?;
    let list = commands.dlq(&["list", "--group", fingerprint]).await?;
    let letters = list["dead_letters"].as_array().context("no letters")?;
    for letter in letters {
        let id = letter["dead_letter_id"].as_str().context("no id")?;
        let shown = commands.dlq(&["show", id]).await?;
        let mut payload = shown["original_payload"].clone();
        let entity_id = letter["entity_id"].as_str().unwrap_or_default();
        let address = &mut payload["document"]["order"]["billing_address"];
        address["first_name"] = json!("Jo");
        address["last_name"] = json!("Doe");
        address["email"] = json!(format!("jo{entity_id}@example.com"));
        let file = tempfile::NamedTempFile::new().context("a file for the payload")?;
        std::fs::write(file.path(), payload.to_string()).context("writing the payload")?;
        let path = file.path().to_str().context("a path that is no text")?;
        let edit = [
            "edit",
            id,
            "--payload",
            path,
            "--reason",
            "asked by telephone",
        ];
        commands.dlq(&edit).await?;
    }
    Ok(())
}

/// Takes the lock out of the configuration and lets the transformation start anew.
async fn open_period(scene: &Scene) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&scene.config).context("reading the configuration")?;
    std::fs::write(&scene.config, text.replace(LOCKED, "")).context("writing it")?;
    let service = "transform";
    let old = scene.house.pid(service).context("transform does not run")?;
    kill(Pid::from_raw(old.cast_signed()), Signal::SIGKILL).context("restarting transform")?;
    let end = Instant::now() + Duration::from_secs(30);
    while scene.house.pid(service).is_none_or(|pid| pid == old) {
        if Instant::now() > end {
            bail!("transform did not come back");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.house.ready().await
}
