//! Looking a shopper up under the natural keys an order gives.

use domain::books::DesiredClient;

use super::Client;
use super::clients::ClientRecord;
use crate::error::VendorError;

impl Client {
    /// The ids of the clients that may stand for a shopper: by e-mail, else by company, else by
    /// name; the likeliest first.
    ///
    /// FreshBooks may hold several: those of the shopper's name come first, then the oldest, so
    /// that the choice is the same every time. `except` is an id that FreshBooks no longer serves
    /// although it may still list it. Whom each stands for by now, the ledger knows.
    pub async fn find_desired_clients(
        &self,
        client: &DesiredClient,
        except: Option<u64>,
    ) -> Result<Vec<u64>, VendorError> {
        let field = |name: &str| client.fields.get(name).map_or("", |text| text.trim());
        let found = if let Some(email) = &client.email_key {
            // Whether FreshBooks' search minds the case is not documented: both spellings are asked.
            let as_given = field("email");
            let mut found = self.find_clients_by_email(email).await?;
            if found.is_empty() && !as_given.is_empty() && as_given != email {
                found = self.find_clients_by_email(as_given).await?;
            }
            found
        } else if !field("organization").is_empty() {
            self.find_clients_by_organization(field("organization"))
                .await?
        } else {
            self.find_clients_by_name(field("fname"), field("lname"))
                .await?
        };
        let is_named_otherwise = |found: &ClientRecord| {
            ["fname", "lname"].iter().any(|name| {
                let shown = found.fields.get(*name).map_or("", |text| text.trim());
                shown.to_lowercase() != field(name).to_lowercase()
            })
        };
        let mut ids: Vec<(bool, u64)> = found
            .iter()
            .filter(|client| Some(client.id) != except)
            .map(|client| (is_named_otherwise(client), client.id))
            .collect();
        ids.sort_unstable();
        Ok(ids.into_iter().map(|(_, id)| id).collect())
    }
}
