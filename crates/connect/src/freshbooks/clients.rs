//! Clients: found by e-mail or name, created, changed.
//!
//! FreshBooks accepts two clients with one e-mail, so a search can return several; which of them
//! is meant is the caller's decision. Not here: locks against creating one twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::{Client, Resource};
use crate::error::VendorError;
use crate::json;

pub(super) const CLIENTS: Resource = Resource {
    path: ["users", "clients"],
    list_template: "/accounting/account/{account_id}/users/clients",
    single_template: "/accounting/account/{account_id}/users/clients/{id}",
    single: "client",
    plural: "clients",
};

/// A client as FreshBooks has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientRecord {
    pub id: u64,
    pub email: String,
    pub organization: String,
    pub fname: String,
    pub lname: String,
    /// As FreshBooks writes it: US/Eastern, no zone.
    pub updated: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
    /// Every plain field (`p_city`, …); null is the empty text.
    pub fields: BTreeMap<String, String>,
}

/// Leaves the person out.
impl std::fmt::Debug for ClientRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientRecord")
            .field("id", &self.id)
            .field("vis_state", &self.vis_state)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Active and archived clients with exactly this e-mail, compared without case.
    pub async fn find_clients_by_email(
        &self,
        email: &str,
    ) -> Result<Vec<ClientRecord>, VendorError> {
        let email = email.trim();
        if email.is_empty() {
            return Err(VendorError::Unsendable {
                reason: "a search by e-mail needs an e-mail",
            });
        }
        let filters = [("search[email]", email)];
        self.find(&filters, |row| same(&row["email"], email)).await
    }

    /// Active and archived clients with exactly this organization, compared without case.
    pub async fn find_clients_by_organization(
        &self,
        organization: &str,
    ) -> Result<Vec<ClientRecord>, VendorError> {
        let organization = organization.trim();
        if organization.is_empty() {
            return Err(VendorError::Unsendable {
                reason: "a search by company needs a company",
            });
        }
        let filters = [("search[organization_like]", organization)];
        self.find(&filters, |row| same(&row["organization"], organization))
            .await
    }

    /// Active and archived clients with exactly this first and last name, compared without case.
    pub async fn find_clients_by_name(
        &self,
        fname: &str,
        lname: &str,
    ) -> Result<Vec<ClientRecord>, VendorError> {
        let (fname, lname) = (fname.trim(), lname.trim());
        // The base names are dead as filters; the like-filters are narrowed again below.
        let filters: Vec<(&str, &str)> =
            [("search[fname_like]", fname), ("search[lname_like]", lname)]
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect();
        if filters.is_empty() {
            return Err(VendorError::Unsendable {
                reason: "a search by name needs a name",
            });
        }
        self.find(&filters, |row| {
            same(&row["fname"], fname) && same(&row["lname"], lname)
        })
        .await
    }

    async fn find(
        &self,
        filters: &[(&str, &str)],
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<ClientRecord>, VendorError> {
        let kept = |row: &Value| json::id(&row["vis_state"]) != Some(1) && wanted(row);
        self.search(CLIENTS, filters, kept)
            .await?
            .iter()
            .map(client_record)
            .collect()
    }

    /// One client; deleted ones are given too.
    pub async fn get_client(&self, id: u64) -> Result<ClientRecord, VendorError> {
        client_record(&self.single(CLIENTS, id, &[]).await?)
    }

    /// Creates a client from FreshBooks field names (`fname`, `p_city`, …).
    ///
    /// Not idempotent: FreshBooks takes the same e-mail twice.
    pub async fn create_client(
        &self,
        fields: &BTreeMap<String, String>,
    ) -> Result<ClientRecord, VendorError> {
        written(&self.create(CLIENTS, &[], data(fields)?).await?)
    }

    /// Deletes softly. Idempotent.
    pub async fn remove_client(&self, id: u64) -> Result<(), VendorError> {
        self.show_client(id, 1).await
    }

    /// Brings a softly deleted client back. Idempotent.
    pub async fn restore_client(&self, id: u64) -> Result<(), VendorError> {
        self.show_client(id, 0).await
    }

    async fn show_client(&self, id: u64, vis_state: u64) -> Result<(), VendorError> {
        let body = json!({ "vis_state": vis_state });
        self.change(CLIENTS, id, &[], body).await.map(drop)
    }

    /// Changes the given fields and leaves the others.
    pub async fn update_client(
        &self,
        id: u64,
        fields: &BTreeMap<String, String>,
    ) -> Result<ClientRecord, VendorError> {
        written(&self.change(CLIENTS, id, &[], data(fields)?).await?)
    }
}

/// Fields only: a `vis_state` or action among them would make FreshBooks discard the rest.
fn data(fields: &BTreeMap<String, String>) -> Result<Value, VendorError> {
    super::invoice_body::refuse_phases(fields)?;
    Ok(json!(fields))
}

fn same(value: &Value, wanted: &str) -> bool {
    json::text(value).trim().to_lowercase() == wanted.to_lowercase()
}

fn written(record: &Value) -> Result<ClientRecord, VendorError> {
    client_record(record).map_err(super::invoices::as_written)
}

fn client_record(record: &Value) -> Result<ClientRecord, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["userid"]));
    let plain = record.as_object().into_iter().flatten();
    let plain = plain.filter(|(_, value)| !value.is_object() && !value.is_array());
    Ok(ClientRecord {
        id: id.ok_or_else(|| VendorError::field("client.id"))?,
        email: json::text(&record["email"]),
        organization: json::text(&record["organization"]),
        fname: json::text(&record["fname"]),
        lname: json::text(&record["lname"]),
        updated: json::text(&record["updated"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
        fields: plain
            .map(|(name, value)| (name.clone(), json::text(value)))
            .collect(),
    })
}
