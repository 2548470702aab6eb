//! Looking a shopper up under the natural keys an order gives.

use domain::books::DesiredClient;

use super::Client;
use crate::error::VendorError;

impl Client {
    /// The id of the client that stands for a shopper: by e-mail, else by company, else by name.
    ///
    /// FreshBooks may hold several; the oldest one is the same choice every time. `except` is an
    /// id that FreshBooks no longer serves although it may still list it.
    pub async fn find_desired_client(
        &self,
        client: &DesiredClient,
        except: Option<u64>,
    ) -> Result<Option<u64>, VendorError> {
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
        Ok(found
            .iter()
            .map(|client| client.id)
            .filter(|id| Some(*id) != except)
            .min())
    }
}
