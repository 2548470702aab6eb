//! One function per path: reads the parameters, asks, answers.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::problem::Problem;
use crate::order_state::OrderState;
use crate::views::{
    self, Connections, DeadLetterFilter, DeadLetterPage, DeadLetterView, KindWord, OrderFilter,
    OrderPage, OrderStory, PAGE_DEFAULT, PAGE_MAX, Summary,
};

/// The longest text a filter may be.
const FILTER_CHARS_MAX: usize = 256;

/// Which orders to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OrdersQuery {
    /// Only this connection's.
    connection: Option<String>,
    /// Only those in this state.
    state: Option<OrderState>,
    /// The beginning of an order id or an invoice number.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Which dead letters to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLettersQuery {
    /// Only this connection's.
    connection: Option<String>,
    /// Only those about this order, customer or product.
    entity_id: Option<String>,
    kind: Option<KindWord>,
    /// Only those this stage gave up on.
    stage: Option<String>,
    /// Only those with this reason.
    code: Option<String>,
    /// Only those that were released (true) or that wait (false).
    replayed: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

type Params<T> = Result<Query<T>, QueryRejection>;
type Segments<T> = Result<Path<T>, PathRejection>;
type Answer<T> = Result<Json<T>, Problem>;

/// Orders with where each stands, newest first.
#[utoipa::path(get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders",
    params(OrdersQuery),
    responses((status = 200, body = OrderPage), super::openapi::Refusals))]
pub(super) async fn list_orders(
    State(api): State<Api>,
    query: Params<OrdersQuery>,
) -> Answer<OrderPage> {
    let Query(query) = query.map_err(bad_query)?;
    let filter = OrderFilter {
        connection: bounded("connection", query.connection)?,
        state: query.state,
        beginning: bounded("q", query.q)?
            .map(|q| q.trim().to_owned())
            .filter(|q| !q.is_empty()),
        after: query.cursor.as_deref().map(order_cursor).transpose()?,
        limit: limit(query.limit)?,
    };
    Ok(Json(
        api.reading
            .ask(move |db| views::orders(db, &filter))
            .await?,
    ))
}

/// The story of an order: hooks, snapshots, stages, vendor calls, ledger, outcomes, dead letters.
#[utoipa::path(get, path = "/api/v1/orders/{connection}/{order_id}", operation_id = "getOrderStory",
    tag = "orders",
    params(
        ("connection" = String, Path, description = "Name of the connection"),
        ("order_id" = String, Path, description = "The store's order id"),
    ),
    responses((status = 200, body = OrderStory), super::openapi::Refusals,
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "Nothing was heard of this order")))]
pub(super) async fn get_story(
    State(api): State<Api>,
    path: Segments<(String, String)>,
) -> Answer<OrderStory> {
    let Path((connection, order_id)) = path.map_err(bad_path)?;
    let story = api
        .reading
        .ask(move |db| views::story(db, &connection, &order_id))
        .await?;
    let unknown = || {
        Problem::not_found(
            "unknown_order",
            "Nothing was heard of this order, or its journal is past retention. Check the \
             connection and the order id.",
        )
    };
    story.map(Json).ok_or_else(unknown)
}

/// Dead letters, newest first, and how many give which reason.
#[utoipa::path(get, path = "/api/v1/dead-letters", operation_id = "listDeadLetters",
    tag = "dead letters", params(DeadLettersQuery),
    responses((status = 200, body = DeadLetterPage), super::openapi::Refusals))]
pub(super) async fn list_dead_letters(
    State(api): State<Api>,
    query: Params<DeadLettersQuery>,
) -> Answer<DeadLetterPage> {
    let Query(query) = query.map_err(bad_query)?;
    let filter = DeadLetterFilter {
        connection: bounded("connection", query.connection)?,
        entity_id: bounded("entity_id", query.entity_id)?,
        kind: query.kind,
        stage: bounded("stage", query.stage)?,
        code: bounded("code", query.code)?,
        replayed: query.replayed,
        after: query.cursor.as_deref().map(letter_cursor).transpose()?,
        limit: limit(query.limit)?,
    };
    Ok(Json(
        api.reading
            .ask(move |db| views::dead_letters(db, &filter))
            .await?,
    ))
}

/// One dead letter with every reason. Its bytes stay in the stream; replay reads them.
#[utoipa::path(get, path = "/api/v1/dead-letters/{dead_letter_id}", operation_id = "getDeadLetter",
    tag = "dead letters",
    params(("dead_letter_id" = String, Path, description = "The dead letter's id")),
    responses((status = 200, body = DeadLetterView), super::openapi::Refusals,
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "There is no such dead letter")))]
pub(super) async fn get_dead_letter(
    State(api): State<Api>,
    path: Segments<String>,
) -> Answer<DeadLetterView> {
    let Path(id) = path.map_err(bad_path)?;
    let letter = api
        .reading
        .ask(move |db| views::dead_letter(db, &id))
        .await?;
    let unknown = || {
        Problem::not_found(
            "unknown_dead_letter",
            "There is no dead letter with this id (any more).",
        )
    };
    letter.map(Json).ok_or_else(unknown)
}

/// Every connection: held or not, last hook, last delivery, counts, money that is stuck.
#[utoipa::path(get, path = "/api/v1/connections", operation_id = "listConnections",
    tag = "overview", responses((status = 200, body = Connections), super::openapi::Refusals))]
pub(super) async fn list_connections(State(api): State<Api>) -> Answer<Connections> {
    let connections = api.reading.ask(views::connections).await?;
    Ok(Json(api.holds.apply(connections)))
}

/// The whole house at a glance.
#[utoipa::path(get, path = "/api/v1/summary", operation_id = "getSummary", tag = "overview",
    responses((status = 200, body = Summary), super::openapi::Refusals))]
pub(super) async fn get_summary(State(api): State<Api>) -> Answer<Summary> {
    let (readings, holds) = (api.status.readings(), api.holds.held());
    Ok(Json(
        api.reading
            .ask(move |db| views::summary(db, &readings, holds))
            .await?,
    ))
}

fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(PAGE_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        limit => Err(Problem::bad_request(
            "bad_limit",
            format!("limit is {limit}; a page has 1 to {PAGE_MAX} rows."),
        )),
    }
}

fn bounded(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > FILTER_CHARS_MAX => Err(Problem::bad_request(
            "filter_too_long",
            format!("{name} is longer than {FILTER_CHARS_MAX} bytes; no such value exists."),
        )),
        text => Ok(text),
    }
}

fn order_cursor(cursor: &str) -> Result<(i64, String, String), Problem> {
    let mut parts = cursor.splitn(3, '.');
    let at_ms = parts.next().and_then(|text| text.parse().ok());
    match (at_ms, parts.next(), parts.next()) {
        (Some(at_ms), Some(name), Some(id)) => Ok((at_ms, name.to_owned(), id.to_owned())),
        _ => Err(bad_cursor()),
    }
}

fn letter_cursor(cursor: &str) -> Result<(i64, String), Problem> {
    let (at_ms, id) = cursor.split_once('.').ok_or_else(bad_cursor)?;
    Ok((at_ms.parse().map_err(|_| bad_cursor())?, id.to_owned()))
}

fn bad_cursor() -> Problem {
    let detail = "cursor is not one of ours; give next_cursor of the page before, unchanged.";
    Problem::bad_request("bad_cursor", detail)
}

// By value for `map_err`. The rejection names the parameter; it repeats no other request's data.
fn bad_query(rejection: QueryRejection) -> Problem {
    Problem::bad_request("bad_parameter", format!("{}.", rejection.body_text()))
}

fn bad_path(rejection: PathRejection) -> Problem {
    Problem::bad_request("bad_path", format!("{}.", rejection.body_text()))
}
