//! Clients: found exactly, written plainly.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::{client, list, single};
use crate::common::{Stub, json};

#[tokio::test]
async fn clients_are_checked_again_because_a_filter_may_be_ignored() {
    let stub = Stub::start(|_| {
        list("clients", vec![
            json!({"id": 1, "email": "Ann@Example.com", "vis_state": 0, "p_city": "Town", "note": null}),
            json!({"id": "2", "email": "ann@example.com", "vis_state": 2}),
            json!({"id": 3, "email": "ann@example.com.au", "vis_state": 0}),
            json!({"id": 4, "email": "ann@example.com", "vis_state": 1}),
        ])
    })
    .await;
    let found = client(&stub)
        .find_clients_by_email(" ann@example.com ")
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|client| client.id).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (
            found[0].fields["p_city"].as_str(),
            found[0].fields["note"].as_str()
        ),
        ("Town", "")
    );
    assert!(!format!("{found:?}").to_lowercase().contains("ann@"));
    let asked = &stub.asked()[0];
    assert_eq!(asked.path, "/accounting/account/AbC12/users/clients");
    assert_eq!(
        asked.param("search[email]").as_deref(),
        Some("ann@example.com")
    );
    assert_eq!(asked.param("per_page").as_deref(), Some("100"));
    assert_eq!(asked.headers["authorization"], "Bearer old-token");
}

#[tokio::test]
async fn a_search_that_meets_its_bound_is_an_error_and_not_an_absence() {
    let stub = Stub::start(|asked| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let rows: Vec<Value> = (0..100).map(|row| json!({"id": row, "email": "else@example.com"})).collect();
        json(json!({"response": {"result": {"clients": rows, "page": page, "pages": 900, "total": 90_000}}}))
    })
    .await;
    let error = client(&stub)
        .find_clients_by_email("ann@example.com")
        .await
        .unwrap_err();
    assert_eq!(error.class(), "unreadable");
    assert_eq!(stub.asked().len(), 50);
}

#[tokio::test]
async fn names_and_companies_are_compared_whole() {
    let stub = Stub::start(|_| {
        list(
            "clients",
            vec![
                json!({"id": 1, "organization": "ACME", "fname": "Ann", "lname": "Lee"}),
                json!({"id": 2, "organization": "Acme Tools", "fname": "Ann", "lname": "Leeds"}),
            ],
        )
    })
    .await;
    let client = client(&stub);
    let by_company = client.find_clients_by_organization("acme").await.unwrap();
    let by_name = client.find_clients_by_name("ann", "LEE").await.unwrap();
    assert_eq!((by_company.len(), by_company[0].id), (1, 1));
    assert_eq!((by_name.len(), by_name[0].id), (1, 1));
}

#[tokio::test]
async fn a_created_client_carries_only_plain_fields() {
    let stub =
        Stub::start(|_| single("client", json!({"id": 9, "email": "ann@example.com"}))).await;
    let client = client(&stub);
    let fields = BTreeMap::from([("fname".to_owned(), "Zoë".to_owned())]);
    assert_eq!(client.create_client(&fields).await.unwrap().id, 9);
    assert_eq!(stub.asked()[0].json(), json!({"client": {"fname": "Zoë"}}));
    let mixed = BTreeMap::from([("vis_state".to_owned(), "1".to_owned())]);
    let error = client.update_client(9, &mixed).await.unwrap_err();
    assert_eq!(error.class(), "unsendable");
    assert_eq!(stub.asked().len(), 1);
}
