//! The client of an order: found, or created exactly once.
//!
//! FreshBooks accepts two clients with one e-mail, so uniqueness is ours: whoever creates a client
//! first claims the shopper's key in the ledger. Two orders of a new shopper in the same instant
//! meet at the claim; the second waits for the first. Not here: updating clients (`client`).

use std::time::Duration;

use connect::VendorError;
use connect::freshbooks::ClientRecord;
use contracts::books::{ClientResolution, Presence};
use contracts::ledger::{ClientEntry, Intent, IntentKind};
use domain::books::DesiredClient;
use stage::{Failure, Reason, vendor};
use store::ledger::{ClientKey, Versioned, stands_for};

use crate::account::Workplace;
use crate::send_by::SendBy;
use crate::{client, entry};

/// How soon to look again while another worker creates the same client.
const CLAIMED_PAUSE: Duration = Duration::from_millis(150);

/// A client id for the order, created when FreshBooks has none.
///
/// `distrusted` is an id that FreshBooks has just denied to know.
pub(crate) async fn client_id(
    place: &Workplace<'_>,
    client: &DesiredClient,
    resolution: &ClientResolution,
    distrusted: Option<u64>,
) -> Result<u64, Failure> {
    let keys = ClientKey::of(client);
    if keys.is_empty() {
        return Err(Failure::held(Reason::new(
            "missing_customer",
            "the order has no e-mail, company or name, so no client can be named; add one in BigCommerce",
        )));
    }
    let found = resolution.presence() == Presence::Found && resolution.client_id != 0;
    if found && Some(resolution.client_id) != distrusted {
        // Found by its e-mail and by nothing else, it may be another customer's.
        let is_only_found = resolution.verified_at_ms != 0;
        if !is_only_found || is_free(place, client, resolution.client_id).await? {
            return Ok(resolution.client_id);
        }
    }
    let mut claims = Vec::new();
    for key in &keys {
        let entry = place
            .ledger
            .client(place.connection, key)
            .await
            .map_err(|e| entry::failure(&e))?;
        claims.push(entry);
    }
    let count = keys.len();
    let (keys, claims) = own(client, keys, claims);
    let is_shared = keys.len() < count;
    let known = claims
        .iter()
        .filter(|claim| stands_for(&claim.value, client))
        .map(|claim| claim.value.client_id)
        .find(|id| *id != 0);
    if let Some(id) = known.filter(|id| Some(*id) != distrusted) {
        remember(place, client, &keys, &claims, id).await;
        return Ok(id);
    }
    let looked_up = Looked {
        resolution,
        distrusted,
        is_shared,
    };
    claim_and_create(place, client, &keys, claims, &looked_up).await
}

/// What is known before the keys are claimed.
struct Looked<'a> {
    resolution: &'a ClientResolution,
    distrusted: Option<u64>,
    /// Another customer has the e-mail, so a client of it is this one's only by its id.
    is_shared: bool,
}

/// Whether a client that FreshBooks found by e-mail may stand for this customer. While somebody
/// creates a client of that e-mail it is waited for: whose it is, is written before the claim ends.
async fn is_free(place: &Workplace<'_>, client: &DesiredClient, id: u64) -> Result<bool, Failure> {
    let mut is_shared = false;
    for key in ClientKey::of(client) {
        let entry = place.ledger.client(place.connection, &key).await;
        let entry = entry.map_err(|error| entry::failure(&error))?.value;
        if let Some(open) = &entry.intent {
            wait_for_other(place, open)?;
        }
        is_shared |= entry.client_id != 0 && !stands_for(&entry, client);
    }
    is_own(place, client, id, is_shared).await
}

/// Whether the client's own entry says that it stands for this customer, or where the e-mail is
/// nobody else's, for nobody yet.
async fn is_own(
    place: &Workplace<'_>,
    client: &DesiredClient,
    id: u64,
    is_shared: bool,
) -> Result<bool, Failure> {
    let key = ClientKey::Id(id);
    let known = place.ledger.client(place.connection, &key).await;
    let known = known.map_err(|error| entry::failure(&error))?;
    let is_bound = Some(known.value.customer_id) == client.customer_id;
    Ok(is_bound || (!is_shared && stands_for(&known.value, client)))
}

/// The keys that are this shopper's to claim. An e-mail that leads to another customer's client
/// stays with that one: a guest of that e-mail is found there, this customer under its own id.
fn own(
    client: &DesiredClient,
    keys: Vec<ClientKey>,
    claims: Vec<Versioned<ClientEntry>>,
) -> (Vec<ClientKey>, Vec<Versioned<ClientEntry>>) {
    let pairs = keys.into_iter().zip(claims);
    pairs
        .filter(|(_, claim)| claim.value.client_id == 0 || stands_for(&claim.value, client))
        .unzip()
}

/// The client the ledger knows for a shopper; waits while somebody creates it.
pub(crate) async fn known_id(
    place: &Workplace<'_>,
    client: &DesiredClient,
) -> Result<Option<u64>, Failure> {
    for key in ClientKey::of(client) {
        let entry = place.ledger.client(place.connection, &key).await;
        let entry = entry.map_err(|error| entry::failure(&error))?.value;
        if let Some(open) = &entry.intent {
            wait_for_other(place, open)?;
        }
        if entry.client_id != 0 && stands_for(&entry, client) {
            return Ok(Some(entry.client_id));
        }
    }
    Ok(None)
}

/// Claims every key in order, creates the client, and stores its id under every key.
async fn claim_and_create(
    place: &Workplace<'_>,
    client: &DesiredClient,
    keys: &[ClientKey],
    mut claims: Vec<Versioned<ClientEntry>>,
    looked_up: &Looked<'_>,
) -> Result<u64, Failure> {
    let Looked {
        resolution,
        distrusted,
        is_shared,
    } = *looked_up;
    let send_by = SendBy::start(place.settle);
    // A client that was found and is another customer's is no word on this one's.
    let is_unsure = distrusted.is_some() || resolution.presence() == Presence::Found;
    let mut must_look = is_unsure || !place.is_fresh(resolution.verified_at_ms);
    let mut is_orphaned = false;
    for (index, key) in keys.iter().enumerate() {
        let Some(claim) = claims.get_mut(index) else {
            break;
        };
        if let Some(open) = &claim.value.intent {
            if let Err(wait) = wait_for_other(place, open) {
                give_back(place, keys, claims.get(..index).unwrap_or_default()).await;
                return Err(wait);
            }
            // The claim is old: its owner died, perhaps after FreshBooks made the client.
            must_look = true;
            is_orphaned = true;
        }
        let attempt = claim.value.intent.as_ref().map_or(0, |open| open.attempt);
        claim.value = ClientEntry {
            intent: Some(Intent {
                kind: IntentKind::CreateClient.into(),
                natural_key: key.token(),
                owner: place.owner.to_owned(),
                started_at_ms: store::now_ms(),
                attempt: attempt.saturating_add(1),
                ..Intent::default()
            }),
            ..ClientEntry::default()
        };
        let written = place
            .ledger
            .put_client(place.connection, key, &claim.value, claim.revision)
            .await;
        claim.revision = match written {
            Ok(revision) => revision,
            Err(error) => {
                give_back(place, keys, claims.get(..index).unwrap_or_default()).await;
                return Err(claimed_elsewhere(&error));
            }
        };
    }
    let existing = if must_look {
        find(place, client, distrusted, is_shared).await?
    } else {
        None
    };
    let id = match existing {
        Some(id) => {
            if is_orphaned {
                client::recognise(place, client, id).await?;
            }
            id
        }
        None => match create(place, client, keys, &claims, send_by).await? {
            Ok(created) => {
                place.wrote();
                client::created(place, client, &created).await?;
                created.id
            }
            Err(error) => return Err(not_created(place, keys, &claims, error).await),
        },
    };
    remember(place, client, keys, &claims, id).await;
    Ok(id)
}

/// The call itself; the claims are given back when it may not be sent any more.
async fn create(
    place: &Workplace<'_>,
    client: &DesiredClient,
    keys: &[ClientKey],
    claims: &[Versioned<ClientEntry>],
    send_by: SendBy,
) -> Result<Result<ClientRecord, VendorError>, Failure> {
    if let Err(held_up) = send_by.check() {
        give_back(place, keys, claims).await;
        return Err(held_up);
    }
    Ok(place.account.create_client(&client.fields).await)
}

fn wait_for_other(place: &Workplace<'_>, open: &Intent) -> Result<(), Failure> {
    let Some(after) = place.look_again_after(open, CLAIMED_PAUSE) else {
        return Ok(());
    };
    let reason = Reason::new(
        "client_claimed",
        "another order of the shopper is creating the client",
    );
    Err(Failure::Wait { after, reason })
}

fn claimed_elsewhere(error: &store::ledger::Error) -> Failure {
    match error {
        store::ledger::Error::Fenced { .. } => Failure::Wait {
            after: CLAIMED_PAUSE,
            reason: Reason::new("client_claimed", "another order of the shopper was first"),
        },
        other => entry::failure(other),
    }
}

/// A lost reply leaves the claims open, to be looked up later; a refusal gives them back.
async fn not_created(
    place: &Workplace<'_>,
    keys: &[ClientKey],
    claims: &[Versioned<ClientEntry>],
    error: VendorError,
) -> Failure {
    if error.is_outcome_unknown() {
        let failure = vendor::failure("creating the client", &error);
        return place.after_settling(failure);
    }
    give_back(place, keys, claims).await;
    place.vendor_failure("creating the client", &error).await
}

/// Withdraws claims under which nothing was created by us.
///
/// A claim that was taken over stays, as an old one: its first owner may have created the client,
/// so whoever comes next must look FreshBooks up.
async fn give_back(place: &Workplace<'_>, keys: &[ClientKey], claims: &[Versioned<ClientEntry>]) {
    for (key, claim) in keys.iter().zip(claims) {
        let taken_over = claim
            .value
            .intent
            .clone()
            .filter(|intent| intent.attempt > 1);
        let intent = taken_over.map(|intent| Intent {
            started_at_ms: 1,
            ..intent
        });
        let unclaimed = ClientEntry {
            intent,
            ..ClientEntry::default()
        };
        let given_back = place
            .ledger
            .put_client(place.connection, key, &unclaimed, claim.revision);
        if let Err(error) = given_back.await {
            // The claim stays and is taken over when it is old; slower, not wrong.
            tracing::warn!(error = %error, "a client claim could not be given back");
        }
    }
}

async fn find(
    place: &Workplace<'_>,
    client: &DesiredClient,
    distrusted: Option<u64>,
    is_shared: bool,
) -> Result<Option<u64>, Failure> {
    for id in candidates(place, client, distrusted).await? {
        // FreshBooks may still show an e-mail that its customer has given up since, and customers
        // of several channels may share one.
        if is_own(place, client, id, is_shared).await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The clients that FreshBooks finds for a shopper, whomever they stand for.
pub(crate) async fn candidates(
    place: &Workplace<'_>,
    client: &DesiredClient,
    distrusted: Option<u64>,
) -> Result<Vec<u64>, Failure> {
    match place.account.find_desired_clients(client, distrusted).await {
        Ok(found) => Ok(found),
        Err(error) => Err(place.vendor_failure("looking the client up", &error).await),
    }
}

/// Stores the id under every key that does not have it yet. A failure costs a look-up later.
async fn remember(
    place: &Workplace<'_>,
    client: &DesiredClient,
    keys: &[ClientKey],
    claims: &[Versioned<ClientEntry>],
    client_id: u64,
) {
    for (key, claim) in keys.iter().zip(claims) {
        if claim.value.client_id != client_id {
            let entry = ClientEntry {
                client_id,
                customer_id: client.customer_id.unwrap_or(0),
                ..ClientEntry::default()
            };
            let put = place
                .ledger
                .put_client(place.connection, key, &entry, claim.revision);
            if let Err(error) = put.await {
                tracing::warn!(error = %error, "a client id could not be stored in the ledger");
            }
        }
        place
            .cache
            .remember_client(place.connection, key, client_id)
            .await;
    }
}
