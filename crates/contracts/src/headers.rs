//! Names of the NATS headers Tillbook sets on its messages.

/// JetStream's own deduplication header.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Full name of the protobuf message in the payload, e.g. `tillbook.books.v1.ResolvedPlan`.
pub const SCHEMA: &str = "Tillbook-Schema";
/// Deliveries already spent before this message was scheduled again; absent means 0.
pub const ATTEMPTS: &str = "Tillbook-Attempts";
/// Unix milliseconds of the first delivery of a message that was scheduled again.
pub const FIRST_SEEN_MS: &str = "Tillbook-First-Seen-Ms";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// `traceparent` of what a replayed message replays; the new trace links to it.
pub const REPLAY_OF: &str = "Tillbook-Replay-Of";
/// Marks a replay; every stage hands it on and makes it part of its message ids.
pub const REPLAY: &str = "Tillbook-Replay";
