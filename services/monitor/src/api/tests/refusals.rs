//! What is refused, with a code and a remedy.

use super::*;

#[tokio::test]
async fn bad_requests_get_a_code_and_a_remedy() {
    let house = House::new();
    for (path, expected) in [
        ("/api/v1/orders?cursor=nonsense", (400, "bad_cursor")),
        ("/api/v1/dead-letters?cursor=x.y", (400, "bad_cursor")),
        ("/api/v1/orders?limit=0", (400, "bad_limit")),
        ("/api/v1/orders?limit=100000", (400, "bad_limit")),
        ("/api/v1/orders?limit=many", (400, "bad_parameter")),
        ("/api/v1/orders?state=lost", (400, "bad_parameter")),
        ("/api/v1/orders?stat=held", (400, "bad_parameter")),
        ("/api/v1/orders/acme/9", (404, "unknown_order")),
        ("/api/v1/orders/acme/%ff", (400, "bad_path")),
        ("/api/v1/dead-letters/none", (404, "unknown_dead_letter")),
        ("/api/v1/nothing", (404, "no_such_path")),
        ("/nothing", (404, "no_such_path")),
    ] {
        let (status, code) = house.problem(path).await;
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
    let long = format!("/api/v1/orders?q={}", "x".repeat(300));
    assert_eq!(
        house.problem(&long).await,
        (400, "filter_too_long".to_owned())
    );

    let request = Request::delete("/api/v1/orders").header(header::HOST, "localhost");
    let (status, media_type, body) = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status.as_u16(), body["code"].as_str()),
        (405, Some("wrong_method"))
    );
    assert_eq!(media_type, "application/problem+json");
}

#[tokio::test]
async fn proofs_are_refused_by_name_where_they_cannot_be_made() {
    let house = House::new();
    let ask = async |body: Value| {
        let request = Request::post("/api/v1/proofs")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, _, body) = house.send(request).await;
        (status.as_u16(), body["code"].as_str().unwrap().to_owned())
    };
    let january = json!({"connection": "acme", "from": "2026-01-01", "to": "2026-01-31"});
    assert_eq!(ask(january.clone()).await, (409, "no_vendors".to_owned()));
    let mut odd = january.clone();
    odd["from"] = json!("January");
    assert_eq!(ask(odd).await, (400, "bad_day".to_owned()));
    let mut more = january;
    more["state"] = json!("/etc/passwd");
    assert_eq!(ask(more).await, (400, "bad_body".to_owned()));
    assert_eq!(
        house.problem("/api/v1/proofs/acme-1").await,
        (404, "unknown_proof".to_owned())
    );
}
