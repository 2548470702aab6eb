//! `GET /v3/customers`: there is no GET by id, only filters.

use std::sync::Arc;

use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use crate::bigcommerce::dates;
use crate::bigcommerce::people::{self, Customer};
use crate::bigcommerce::reply::{ApiError, Params, includes, v3_list};
use crate::bigcommerce::server::App;
use crate::bigcommerce::store::Store;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/v3/customers", get(index))
}

async fn index(
    Extension(store): Extension<Arc<Store>>,
    Query(params): Query<Params>,
) -> Result<Response, ApiError> {
    let includes = includes(&params);
    let rows = {
        let data = store.data();
        let all = data.customers.values();
        all.filter(|customer| params.iter().all(|(k, v)| passes(customer, k, v)))
            .map(|customer| people::customer(customer, &includes))
            .collect()
    };
    v3_list(rows, &params)
}

/// Whether a customer passes one filter; parameters that are none let everyone pass.
fn passes(customer: &Customer, name: &str, value: &str) -> bool {
    let any = |check: &dyn Fn(&str) -> bool| value.split(',').any(|part| check(part.trim()));
    let at = dates::read(value);
    match name {
        "id:in" => any(&|id| id.parse() == Ok(customer.id)),
        "email:in" => any(&|email| customer.address.email.eq_ignore_ascii_case(email)),
        "company:in" => any(&|company| customer.address.company == company),
        "customer_group_id:in" => any(&|id| id.parse() == Ok(customer.group_id)),
        "name:in" | "name:like" => any(&|name| {
            format!(
                "{} {}",
                customer.address.first_name, customer.address.last_name
            )
            .contains(name)
        }),
        "date_modified:min" => at.is_none_or(|at| customer.modified >= at),
        "date_modified:max" => at.is_none_or(|at| customer.modified <= at),
        "date_created:min" => at.is_none_or(|at| customer.created >= at),
        "date_created:max" => at.is_none_or(|at| customer.created <= at),
        _ => true,
    }
}
