//! Planted secrets and people's data are looked for wherever they must not be.

use anyhow::{Context, ensure};
use e2e::{Collector, Hook, LIMIT, Metrics, QUICK, SERVICES, Shop, Streams, services};
use serde_json::{Value, json};
use testkit::{
    House, HouseOptions, REDIS_PASSWORD, SECRET_KEY, SECRET_KEY_TEXT, Tillbook, eventually,
};

/// People's data that the order below carries; none of it is a word of Tillbook's own.
const PERSON: [(&str, &str); 6] = [
    ("first_name", "Zebediahplanted"),
    ("last_name", "Quorndonplanted"),
    ("company", "Planted Wombat Works"),
    ("street_1", "17 Planted Crescent"),
    ("phone", "+1 555 0199 477"),
    ("email", "zeb.planted@example.org"),
];

/// A place that was searched, and everything that stands there.
type Place = (String, Vec<u8>);

fn holds(place: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    place.windows(needle.len()).any(|window| window == needle)
}

fn absent(places: &[Place], what: &str, needle: &str) -> anyhow::Result<()> {
    ensure!(needle.len() >= 8, "{what} is too short to be looked for");
    for (name, bytes) in places {
        ensure!(!holds(bytes, needle), "{what} stands in {name}");
    }
    Ok(())
}

#[tokio::test]
async fn planted_secrets_and_peoples_data_stay_where_they_belong() -> anyhow::Result<()> {
    let (collector, endpoint) = Collector::start().await?;
    let house = House::start(HouseOptions {
        config: format!("{QUICK}\n[telemetry]\notlp_endpoint = \"{endpoint}\"\nlog = \"debug\"\n"),
        services: services(&SERVICES),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let order_id = everything_happens(&shop).await?;
    eventually(LIMIT, "spans of the order", async || {
        let spans = collector.spans();
        let of_order = |one: &e2e::Exported| {
            one.attribute("order.id").as_deref() == Some(&order_id.to_string())
        };
        let count = spans.iter().filter(|one| of_order(one)).count();
        ensure!(count >= 6, "{count} of {} spans", spans.len());
        Ok(())
    })
    .await?;

    // Not a secret, but what nobody else looks for: nothing was asked that may not be.
    let refused = house
        .logs()
        .to_lowercase()
        .contains("permissions violation");
    ensure!(!refused, "a service asked NATS for what it may not");
    let streams = Streams::of(&house).await?;
    let open = open_places(&house, &collector, &streams, order_id).await?;
    let stored = stored_places(&streams).await?;
    for (what, secret) in secrets(&shop, &streams).await? {
        absent(&open, &what, &secret)?;
        absent(&stored, &what, &secret)?;
    }
    for (what, data) in PERSON {
        // The search would find it: the streams do carry the order.
        let is_planted = stored.iter().any(|(_, bytes)| holds(bytes, data));
        ensure!(is_planted, "{what} was not planted");
        absent(&open, what, data)?;
    }
    Ok(())
}

/// A good order, a refused hook, a refusal in the vendor's words, a held order, a refreshed
/// token, bytes that cannot be read, and a revoked grant; gives the good order's id.
async fn everything_happens(shop: &Shop<'_>) -> anyhow::Result<u64> {
    let house = shop.house;
    let hidden = json!({"kind": "guest_checkout", "seed": 1, "hooks": "none"});
    let order = shop.place_with(&hidden).await?;
    let address: serde_json::Map<String, Value> = PERSON
        .into_iter()
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    let change = json!({"action": "change_billing_address", "address": address});
    shop.act(order.id, &change).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    shop.state(order.id, "in_books").await?;

    let mut forged = Hook::of(house, shop.connection, order.id).await?;
    "not-the-secret".clone_into(&mut forged.signed_with);
    forged.send().await?;
    shop.control_account("expire_access_tokens", &json!({}))
        .await?;
    let (_, email) = PERSON[5];
    shop.break_account(json!({"kind": "status", "status": 422, "errno": 1004,
        "message": format!("{email} is not a valid address."),
        "match": {"method": "POST", "path": "invoices/invoices"}}))
        .await?;
    let refused = json!({"kind": "guest_checkout", "seed": 2, "hooks": "single", "email": email});
    let refused = shop.place_with(&refused).await?;
    shop.dead_letter(refused.id).await?;
    let held = shop.place("unknown_currency", 3).await?;
    shop.dead_letter(held.id).await?;
    let garbage = format!("\u{1}\u{7f}{email}");
    let streams = Streams::of(house).await?;
    let stream = contracts::topology::Stream::Validated;
    streams.put(stream, "777", None, garbage.as_bytes()).await?;
    shop.control_account("revoke_grant", &json!({})).await?;
    let waiting = shop.place("taxed_one_rate", 4).await?;
    shop.state(waiting.id, "waiting").await?;
    Ok(order.id)
}

/// Every secret by name, those that FreshBooks gave out since included.
async fn secrets(shop: &Shop<'_>, streams: &Streams) -> anyhow::Result<Vec<(String, String)>> {
    let connection = shop.connection;
    let hook = Hook::of(shop.house, connection, 1).await?;
    let mut secrets = vec![
        ("the access token".to_owned(), connection.access_token()),
        ("the client secret".to_owned(), connection.client_secret()),
        (
            "the hook secret".to_owned(),
            hook.second_factor.context("no second factor")?,
        ),
        (
            "the application's secret".to_owned(),
            "app-secret-of-acme".to_owned(),
        ),
        (
            "the first refresh token".to_owned(),
            "refresh-token-of-acme".to_owned(),
        ),
        (
            "the password of Redis".to_owned(),
            REDIS_PASSWORD.to_owned(),
        ),
        (
            "the key that seals the tokens".to_owned(),
            SECRET_KEY_TEXT.to_owned(),
        ),
        (
            "the same key's bytes".to_owned(),
            String::from_utf8(SECRET_KEY.to_vec())?,
        ),
    ];
    for record in streams.tokens().await? {
        for key in ["access_token", "refresh_token"] {
            if let Some(token) = record.get(key).and_then(Value::as_str) {
                secrets.push((format!("the live {key}"), token.to_owned()));
            }
        }
    }
    for entry in std::fs::read_dir(shop.house.servers.nkeys())? {
        let path = entry?.path();
        let seed = std::fs::read_to_string(&path)?;
        secrets.push((format!("the seed {}", path.display()), seed));
    }
    ensure!(secrets.len() >= 20, "no live tokens were found to look for");
    Ok(secrets)
}

/// Where neither secrets nor people's data may stand: logs, spans, metrics, journal, and the
/// monitor's API where it does not repeat a vendor's own words.
async fn open_places(
    house: &House,
    collector: &Collector,
    streams: &Streams,
    order_id: u64,
) -> anyhow::Result<Vec<Place>> {
    let mut places = vec![("the logs".to_owned(), house.logs().into_bytes())];
    let spans = collector.spans();
    places.push(("the spans".to_owned(), format!("{spans:?}").into_bytes()));
    for service in SERVICES {
        let metrics = Metrics::of(house, service).await?;
        places.push((format!("the metrics of {service}"), metrics.0.into_bytes()));
    }
    for path in [
        "orders",
        "connections",
        "summary",
        &format!("orders/acme/{order_id}"),
    ] {
        let answer = house
            .http
            .get(&format!("{}/api/v1/{path}", house.console()))
            .await?;
        places.push((format!("the API's {path}"), answer.to_string().into_bytes()));
    }
    places.push(("the journal".to_owned(), raw(streams, "JOURNAL").await?));
    let broken = house.servers.folder().join("broken.toml");
    let config = std::fs::read_to_string(house.config())?;
    std::fs::write(&broken, config.replace("store_hash", "store_hsah"))?;
    for arguments in [&["check-config"][..], &["dlq", "list"]] {
        for config in [house.config(), &broken] {
            let output = Tillbook::command(config, arguments, &house.environment()).await?;
            let mut said = output.stdout;
            said.extend(output.stderr);
            places.push((format!("what {arguments:?} says"), said));
        }
    }
    Ok(places)
}

/// Where no secret may stand, but the order does: every stream and bucket; the tokens stand in theirs sealed.
async fn stored_places(streams: &Streams) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for stream in contracts::topology::Stream::ALL {
        places.push((stream.name().to_owned(), raw(streams, stream.name()).await?));
    }
    for bucket in contracts::topology::Bucket::ALL {
        let stream = format!("KV_{}", bucket.name());
        places.push((stream.clone(), raw(streams, &stream).await?));
    }
    Ok(places)
}

/// The bytes of a stream: subjects, headers and payloads.
async fn raw(streams: &Streams, stream: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for message in streams.messages(stream).await? {
        bytes.extend_from_slice(message.subject.as_bytes());
        bytes.extend_from_slice(format!("{:?}", message.headers).as_bytes());
        bytes.extend_from_slice(&message.payload);
    }
    Ok(bytes)
}
