//! What following the client of an order will cost, as `deliver` follows it after the invoice.
//!
//! Not here: finding and creating clients; each shopper is found or created once (`forecast`).

use connect::VendorError;
use contracts::customer_conversion::known_from_wire;
use domain::books::DesiredClient;
use domain::client_update::{KnownFields, completed, difference, is_settled};
use store::ledger::ClientKey;

use super::costs::Calls;
use crate::{Error, Tools};

/// The client is read, and what the store changed is written.
const FOLLOWED: Calls = Calls {
    store_reads: 0,
    reads: 1,
    creates: 0,
    updates: 1,
};

/// For a client that the ledger knows: nothing where the store says nothing new.
pub(super) async fn of_known(
    tools: &Tools,
    client: &DesiredClient,
    created_at_ms: u64,
) -> Result<Calls, Error> {
    for key in ClientKey::of(client) {
        let known = tools.ledger.client(&tools.connection, &key).await?.value;
        if known.client_id == 0 {
            continue;
        }
        let id = ClientKey::Id(known.client_id);
        let entry = tools.ledger.client(&tools.connection, &id).await?.value;
        let fields = known_from_wire(&entry.fields);
        let desired = completed(&client.fields, &fields, false);
        let is_older = entry.as_of_ms > created_at_ms;
        return Ok(if is_older || is_settled(&desired, &fields) {
            Calls::default()
        } else {
            FOLLOWED
        });
    }
    Ok(Calls::default())
}

/// For a client that FreshBooks has and Tillbook has never written: its empty fields are filled.
pub(super) async fn of_found(
    tools: &Tools,
    client: &DesiredClient,
    client_id: u64,
) -> Result<Calls, Error> {
    let current = match tools.account.get_client(client_id).await {
        Ok(current) => current,
        Err(VendorError::NotFound { .. }) => return Ok(Calls::default()),
        Err(error) => return Err(Error::vendor("reading a client for the forecast")(error)),
    };
    let verdict = difference(
        &client.fields,
        &KnownFields::new(),
        &Default::default(),
        &current.fields,
        tools.policy.client_conflicts,
    );
    Ok(Calls {
        updates: u64::from(!verdict.write.is_empty()),
        ..FOLLOWED
    })
}
