//! The API's own description, generated from the handlers and kept in `docs/openapi.json`.

use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::problem::Problem;
use super::{handlers, proofs};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tillbook monitor",
        description = "What happened to every order, read from the journal. Times are Unix \
                       milliseconds, durations microseconds, money whole smallest units.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    paths(
        handlers::list_orders,
        handlers::get_story,
        handlers::list_dead_letters,
        handlers::get_dead_letter,
        handlers::list_connections,
        handlers::get_summary,
        proofs::start_proof,
        proofs::get_proof,
    ),
    components(schemas(Problem)),
    modifiers(&BearerToken),
    security((), ("token" = []))
)]
struct Described;

/// The document as a value.
pub fn document() -> Document {
    Described::openapi()
}

/// The document as it is committed and served: indented JSON with a final line break.
pub fn document_json() -> Result<String, serde_json::Error> {
    let mut text = document().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`[monitor] token`; needed when one is set"))
            .build();
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What any path may answer instead.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let refusals = [
            ("400", "A parameter cannot be read"),
            ("401", "A token is needed"),
            (
                "403",
                "Without a token only requests to this machine's own names are answered",
            ),
            ("503", "The projection cannot be read now"),
        ];
        let problem = |description: &str| {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
                .build()
        };
        refusals
            .into_iter()
            .map(|(status, description)| (status.to_owned(), RefOr::T(problem(description))))
            .collect()
    }
}
