//! Every user of NATS is denied whatever it does not need, on the real server.
//!
//! What may be done is spelled out in `expected`, subject by subject and without a look at the list
//! it checks. Everything else that could be asked of the server (`universe`) must be denied. No
//! stream has to exist: the server judges the subject alone. That nobody lacks anything is shown
//! by all the other tests here, whose processes connect as these users.

mod expected;
mod universe;
mod wire;

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::ensure;
use testkit::Servers;
use wire::{Ask, Wire};

#[tokio::test]
async fn each_user_may_do_what_it_needs_and_nothing_else() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let mut faults = String::new();
    let mut denied = 0_usize;
    for user in expected::USERS {
        let mut wire = Wire::connect(&servers, user).await?;
        for (ask, universe, allowed) in [
            (
                Ask::Publish,
                universe::publishes(),
                expected::publishes(user),
            ),
            (
                Ask::Subscribe,
                universe::subscriptions(),
                expected::subscriptions(user),
            ),
        ] {
            let unknown: Vec<_> = allowed.difference(&universe).collect();
            ensure!(unknown.is_empty(), "{user}: never asked for: {unknown:?}");
            let refused = wire.refused(ask, &universe).await?;
            denied += refused.len();
            let told: BTreeSet<String> = universe.difference(&refused).cloned().collect();
            for subject in told.difference(&allowed) {
                writeln!(faults, "{user} may {ask:?} {subject}, and needs not")?;
            }
            for subject in allowed.difference(&told) {
                writeln!(faults, "{user} may not {ask:?} {subject}, and needs it")?;
            }
        }
    }
    ensure!(faults.is_empty(), "\n{faults}");
    ensure!(
        denied > 3_000,
        "only {denied} denials: was the server asked at all?"
    );
    Ok(())
}

#[tokio::test]
async fn nobody_comes_in_without_a_key() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    for (what, connect) in [
        ("no credentials", r#"{"verbose":false}"#),
        ("another password", r#"{"user":"test","pass":"guess"}"#),
        ("a user's name", r#"{"user":"ingest","pass":""}"#),
    ] {
        let answer = wire::answer_to(&servers, connect).await?;
        ensure!(
            answer.contains("Authorization Violation"),
            "{what}: {answer}"
        );
    }
    // A seed of somebody else's making is as good as none.
    let stranger = nkeys::KeyPair::new_user();
    let refused = Wire::connect_with(&servers, &stranger).await.err();
    let refused = refused.map(|error| error.to_string()).unwrap_or_default();
    ensure!(refused.contains("Authorization Violation"), "{refused}");
    Ok(())
}
