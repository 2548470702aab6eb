//! A running FreshBooks sandbox and a plain JSON caller for its tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

use reqwest::{Client, Method, RequestBuilder};
use sandbox::freshbooks::Sandbox;
use serde_json::{Value, json};

pub(crate) struct Shop {
    sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{}", self.body);
        let result = &self.body["response"]["result"];
        assert!(result.is_object(), "{}", self.body);
        result
    }

    /// (status, errno) of an old-shape refusal.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        let errno = self.body["response"]["errors"][0]["errno"].as_u64();
        (
            self.status,
            errno.unwrap_or_else(|| panic!("no errno in {}", self.body)),
        )
    }

    pub(crate) fn header(&self, name: &str) -> i64 {
        self.headers[name].to_str().unwrap().parse().unwrap()
    }
}

/// A sandbox with one account `AbC12`, unlimited unless `extra` says otherwise.
pub(crate) async fn open(extra: Value) -> Shop {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let base = sandbox.base_url();
    let mut shop = Shop {
        sandbox,
        http: Client::new(),
        base,
        token: String::new(),
    };
    shop.open_account("AbC12", "first-refresh", extra).await;
    let answer = shop.refresh("first-refresh").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    shop.token = answer.body["access_token"].as_str().unwrap().to_owned();
    shop
}

impl Shop {
    pub(crate) async fn open_account(&self, id: &str, refresh_token: &str, extra: Value) {
        let mut body = json!({
            "account_id": id, "client_id": "app", "client_secret": "hush",
            "refresh_token": refresh_token, "limits": null,
        });
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let answer = self.control(Method::POST, "/accounts", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let form = [
            ("client_id", "app"),
            ("client_secret", "hush"),
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ];
        self.send(
            self.http
                .post(format!("{}/auth/oauth/token", self.base))
                .form(&form),
        )
        .await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let text = reply.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            headers,
            body,
        }
    }

    fn accounting(path: &str) -> String {
        format!("/accounting/account/AbC12/{path}")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, &Self::accounting(path)))
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(
            self.request(Method::POST, &Self::accounting(path))
                .json(&body),
        )
        .await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(
            self.request(Method::PUT, &Self::accounting(path))
                .json(&body),
        )
        .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, &Self::accounting(path)))
            .await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        let url = format!("{}/_sandbox{path}", self.base);
        self.send(self.http.request(method, url).json(&body)).await
    }

    pub(crate) async fn fault(&self, body: Value) {
        let answer = self.control(Method::POST, "/faults", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    pub(crate) async fn books(&self) -> Value {
        self.control(Method::GET, "/accounts/AbC12/books", json!({}))
            .await
            .body
    }

    pub(crate) async fn client(&self, fields: Value) -> u64 {
        let answer = self.post("users/clients", json!({"client": fields})).await;
        answer.result()["client"]["id"].as_u64().unwrap()
    }

    /// An invoice with these lines, or these fields on top of the needed ones.
    pub(crate) async fn try_invoice(&self, client: u64, fields: Value) -> Answer {
        let mut body = json!({"customerid": client, "create_date": "2026-06-01"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        self.post(
            "invoices/invoices?include[]=lines",
            json!({"invoice": body}),
        )
        .await
    }

    pub(crate) async fn invoice(&self, client: u64, fields: Value) -> Value {
        self.try_invoice(client, fields).await.result()["invoice"].clone()
    }

    pub(crate) async fn read_invoice(&self, id: &Value) -> Value {
        self.get(&format!("invoices/invoices/{id}?include[]=lines"))
            .await
            .result()["invoice"]
            .clone()
    }

    pub(crate) async fn pay(&self, invoice: &Value, amount: &str) -> Answer {
        let body = json!({"payment": {
            "invoiceid": invoice, "amount": {"amount": amount}, "date": "2026-06-02",
            "type": "Credit Card", "note": "tx 1",
        }});
        self.post("payments/payments", body).await
    }

    pub(crate) async fn close(self) {
        self.sandbox.shutdown().await;
    }
}

pub(crate) fn line(qty: &str, unit_cost: &str) -> Value {
    json!({"name": "Mug", "description": "Blue", "qty": qty, "unit_cost": {"amount": unit_cost, "code": "USD"}})
}

pub(crate) fn taxed(qty: &str, unit_cost: &str, name: &str, percent: &str) -> Value {
    let mut line = line(qty, unit_cost);
    line["taxName1"] = name.into();
    line["taxAmount1"] = percent.into();
    line
}
