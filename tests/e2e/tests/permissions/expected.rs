//! Who may do what, spelled out by hand: a subject a line, one of each kind.

use std::collections::BTreeSet;

pub(crate) const USERS: [&str; 10] = [
    "ingest",
    "validate",
    "transform",
    "lookup",
    "deliver",
    "monitor",
    "replay",
    "all",
    "operator",
    "bootstrap",
];

/// Everybody may ask which server this is.
const EVERYBODY: &str = "$JS.API.INFO";

/// Each service tries whether it can store and read.
const HEALTH: &str = "
    $JS.API.STREAM.INFO.KV_health
    $JS.API.DIRECT.GET.KV_health.$KV.health.acme.order.1
    $KV.health.acme
    $KV.health.acme.order.1
    $KV.health.acme.client.id.1
";

const INGEST: &str = "
    tillbook.hint.acme.order.1
    $JS.API.STREAM.INFO.HINTS
    $JS.API.DIRECT.GET.HINTS.tillbook.hint.acme.order.1

    $JS.API.CONSUMER.INFO.HINTS.fetch
    $JS.API.CONSUMER.MSG.NEXT.HINTS.fetch
    $JS.ACK.HINTS.fetch.1.1.1.1.1
    $JS.API.CONSUMER.INFO.RETRIES.fetch
    $JS.API.CONSUMER.MSG.NEXT.RETRIES.fetch
    $JS.ACK.RETRIES.fetch.1.1.1.1.1
    tillbook.ingested.acme.order.1
    tillbook.schedule.fetch.1
    tillbook.dead_letter.acme.order.1
    tillbook.journal.acme.order.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1
    $KV.ledger.acme.order.1

    $JS.API.STREAM.INFO.KV_connections
    $JS.API.DIRECT.GET.KV_connections.$KV.connections.acme.order.1
    $KV.connections.acme
    $KV.connections.acme.order.1
    $KV.connections.acme.client.id.1

    $JS.API.STREAM.INFO.KV_sweeps
    $JS.API.DIRECT.GET.KV_sweeps.$KV.sweeps.acme.order.1
    $KV.sweeps.acme
    $KV.sweeps.acme.order.1
    $KV.sweeps.acme.client.id.1
";

const VALIDATE: &str = "
    $JS.API.CONSUMER.INFO.INGESTED.validate
    $JS.API.CONSUMER.MSG.NEXT.INGESTED.validate
    $JS.ACK.INGESTED.validate.1.1.1.1.1
    $JS.API.CONSUMER.INFO.RETRIES.validate
    $JS.API.CONSUMER.MSG.NEXT.RETRIES.validate
    $JS.ACK.RETRIES.validate.1.1.1.1.1
    tillbook.validated.acme.order.1
    tillbook.schedule.validate.1
    tillbook.dead_letter.acme.order.1
    tillbook.journal.acme.order.1
";

const TRANSFORM: &str = "
    $JS.API.CONSUMER.INFO.VALIDATED.transform
    $JS.API.CONSUMER.MSG.NEXT.VALIDATED.transform
    $JS.ACK.VALIDATED.transform.1.1.1.1.1
    $JS.API.CONSUMER.INFO.RETRIES.transform
    $JS.API.CONSUMER.MSG.NEXT.RETRIES.transform
    $JS.ACK.RETRIES.transform.1.1.1.1.1
    tillbook.transformed.acme.order.1
    tillbook.schedule.transform.1
    tillbook.dead_letter.acme.order.1
    tillbook.journal.acme.order.1

    $JS.API.STREAM.INFO.KV_mappings
    $JS.API.DIRECT.GET.KV_mappings.$KV.mappings.acme.order.1
    $JS.API.CONSUMER.CREATE.KV_mappings
    $JS.API.CONSUMER.CREATE.KV_mappings.probe.$KV.mappings.>
    $JS.API.CONSUMER.INFO.KV_mappings.probe
    $JS.API.CONSUMER.DELETE.KV_mappings.probe
    $JS.FC.KV_mappings.probe.1
";

const LOOKUP: &str = "
    $JS.API.CONSUMER.INFO.TRANSFORMED.lookup
    $JS.API.CONSUMER.MSG.NEXT.TRANSFORMED.lookup
    $JS.ACK.TRANSFORMED.lookup.1.1.1.1.1
    $JS.API.CONSUMER.INFO.RETRIES.lookup
    $JS.API.CONSUMER.MSG.NEXT.RETRIES.lookup
    $JS.ACK.RETRIES.lookup.1.1.1.1.1
    tillbook.resolved.acme.order.1
    tillbook.schedule.lookup.1
    tillbook.dead_letter.acme.order.1
    tillbook.journal.acme.order.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1

    $JS.API.STREAM.INFO.KV_connections
    $JS.API.DIRECT.GET.KV_connections.$KV.connections.acme.order.1
    $KV.connections.acme
    $KV.connections.acme.order.1
    $KV.connections.acme.client.id.1
";

const DELIVER: &str = "
    $JS.API.CONSUMER.INFO.RESOLVED.deliver
    $JS.API.CONSUMER.MSG.NEXT.RESOLVED.deliver
    $JS.ACK.RESOLVED.deliver.1.1.1.1.1
    $JS.API.CONSUMER.INFO.RETRIES.deliver
    $JS.API.CONSUMER.MSG.NEXT.RETRIES.deliver
    $JS.ACK.RETRIES.deliver.1.1.1.1.1
    tillbook.outcome.acme.order.1
    tillbook.schedule.deliver.1
    tillbook.dead_letter.acme.order.1
    tillbook.journal.acme.order.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1
    $KV.ledger.acme
    $KV.ledger.acme.order.1
    $KV.ledger.acme.client.id.1

    $JS.API.STREAM.INFO.KV_connections
    $JS.API.DIRECT.GET.KV_connections.$KV.connections.acme.order.1
    $KV.connections.acme
    $KV.connections.acme.order.1
    $KV.connections.acme.client.id.1
";

/// Who calls FreshBooks uses tokens, and refreshes them.
const TOKENS: &str = "
    $JS.API.STREAM.INFO.KV_tokens
    $JS.API.DIRECT.GET.KV_tokens.$KV.tokens.acme.order.1
    $KV.tokens.acme
    $KV.tokens.acme.order.1
    $KV.tokens.acme.client.id.1
    $JS.API.CONSUMER.CREATE.KV_tokens
    $JS.API.CONSUMER.CREATE.KV_tokens.probe.$KV.tokens.>
    $JS.API.CONSUMER.INFO.KV_tokens.probe
    $JS.API.CONSUMER.DELETE.KV_tokens.probe
    $JS.FC.KV_tokens.probe.1
";

const MONITOR: &str = "
    $JS.API.STREAM.INFO.JOURNAL
    $JS.API.CONSUMER.CREATE.JOURNAL
    $JS.API.CONSUMER.INFO.JOURNAL.probe
    $JS.API.CONSUMER.MSG.NEXT.JOURNAL.probe

    $JS.API.STREAM.INFO.DEAD_LETTERS
    $JS.API.CONSUMER.CREATE.DEAD_LETTERS
    $JS.API.CONSUMER.INFO.DEAD_LETTERS.probe
    $JS.API.CONSUMER.MSG.NEXT.DEAD_LETTERS.probe

    $JS.API.STREAM.INFO.OUTCOMES
    $JS.API.CONSUMER.CREATE.OUTCOMES
    $JS.API.CONSUMER.INFO.OUTCOMES.probe
    $JS.API.CONSUMER.MSG.NEXT.OUTCOMES.probe

    $JS.API.STREAM.INFO.KV_connections
    $JS.API.DIRECT.GET.KV_connections.$KV.connections.acme.order.1
    $JS.API.CONSUMER.CREATE.KV_connections
    $JS.API.CONSUMER.CREATE.KV_connections.probe.$KV.connections.>
    $JS.API.CONSUMER.INFO.KV_connections.probe
    $JS.API.CONSUMER.DELETE.KV_connections.probe
    $JS.FC.KV_connections.probe.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1
";

const REPLAY: &str = "
    $JS.API.DIRECT.GET.DEAD_LETTERS
    $JS.API.STREAM.MSG.DELETE.DEAD_LETTERS
    tillbook.dead_letter.acme.order.1

    $JS.API.STREAM.INFO.OUTCOMES
    $JS.API.CONSUMER.CREATE.OUTCOMES
    $JS.API.CONSUMER.INFO.OUTCOMES.probe
    $JS.API.CONSUMER.MSG.NEXT.OUTCOMES.probe
    $JS.API.CONSUMER.DELETE.OUTCOMES.probe
    $JS.API.CONSUMER.CREATE.OUTCOMES.probe.tillbook.outcome.acme.order.1
    $JS.API.DIRECT.GET.OUTCOMES.tillbook.outcome.acme.order.1

    $JS.API.STREAM.INFO.HINTS
    $JS.API.STREAM.MSG.GET.HINTS
    $JS.API.STREAM.INFO.INGESTED
    $JS.API.STREAM.MSG.GET.INGESTED
    $JS.API.STREAM.INFO.VALIDATED
    $JS.API.STREAM.MSG.GET.VALIDATED
    $JS.API.STREAM.INFO.TRANSFORMED
    $JS.API.STREAM.MSG.GET.TRANSFORMED
    $JS.API.STREAM.INFO.RESOLVED
    $JS.API.STREAM.MSG.GET.RESOLVED
    $JS.API.STREAM.INFO.RETRIES
    $JS.API.STREAM.MSG.GET.RETRIES
    $JS.API.STREAM.MSG.DELETE.RETRIES

    $JS.API.STREAM.INFO.KV_letters
    $JS.API.DIRECT.GET.KV_letters.$KV.letters.acme.order.1
    $KV.letters.acme
    $KV.letters.acme.order.1
    $KV.letters.acme.client.id.1
    $JS.API.CONSUMER.CREATE.KV_letters
    $JS.API.CONSUMER.CREATE.KV_letters.probe.$KV.letters.>
    $JS.API.CONSUMER.INFO.KV_letters.probe
    $JS.API.CONSUMER.MSG.NEXT.KV_letters.probe
    $JS.API.CONSUMER.DELETE.KV_letters.probe
    $JS.FC.KV_letters.probe.1

    $JS.API.STREAM.INFO.KV_releases
    $JS.API.DIRECT.GET.KV_releases.$KV.releases.acme.order.1
    $KV.releases.acme
    $KV.releases.acme.order.1
    $KV.releases.acme.client.id.1
    $JS.API.CONSUMER.CREATE.KV_releases
    $JS.API.CONSUMER.CREATE.KV_releases.probe.$KV.releases.>
    $JS.API.CONSUMER.INFO.KV_releases.probe
    $JS.API.CONSUMER.MSG.NEXT.KV_releases.probe
    $JS.API.CONSUMER.DELETE.KV_releases.probe
    $JS.FC.KV_releases.probe.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1
    $JS.API.STREAM.INFO.KV_mappings
    $JS.API.DIRECT.GET.KV_mappings.$KV.mappings.acme.order.1
    $JS.API.CONSUMER.CREATE.KV_mappings
    $JS.API.CONSUMER.CREATE.KV_mappings.probe.$KV.mappings.>
    $JS.API.CONSUMER.INFO.KV_mappings.probe
    $JS.API.CONSUMER.DELETE.KV_mappings.probe
    $JS.FC.KV_mappings.probe.1

    $JS.API.STREAM.INFO.DEAD_LETTERS
    $JS.API.CONSUMER.CREATE.DEAD_LETTERS
    $JS.API.CONSUMER.INFO.DEAD_LETTERS.probe
    $JS.API.CONSUMER.MSG.NEXT.DEAD_LETTERS.probe
    $JS.API.CONSUMER.DELETE.DEAD_LETTERS.probe
    $JS.API.CONSUMER.CREATE.DEAD_LETTERS.probe.tillbook.dead_letter.acme.order.1

    tillbook.hint.acme.order.1
    tillbook.ingested.acme.order.1
    tillbook.validated.acme.order.1
    tillbook.transformed.acme.order.1
    tillbook.resolved.acme.order.1
    tillbook.journal.acme.order.1
";

const OPERATOR: &str = "
    tillbook.control.replay

    $JS.API.STREAM.INFO.KV_mappings
    $JS.API.DIRECT.GET.KV_mappings.$KV.mappings.acme.order.1
    $KV.mappings.acme
    $KV.mappings.acme.order.1
    $KV.mappings.acme.client.id.1
    $JS.API.CONSUMER.CREATE.KV_mappings
    $JS.API.CONSUMER.CREATE.KV_mappings.probe.$KV.mappings.>
    $JS.API.CONSUMER.INFO.KV_mappings.probe
    $JS.API.CONSUMER.DELETE.KV_mappings.probe
    $JS.FC.KV_mappings.probe.1

    tillbook.hint.acme.order.1
    tillbook.resolved.acme.order.1
    tillbook.journal.acme.order.1

    $JS.API.STREAM.INFO.OUTCOMES
    $JS.API.CONSUMER.CREATE.OUTCOMES
    $JS.API.CONSUMER.INFO.OUTCOMES.probe
    $JS.API.CONSUMER.MSG.NEXT.OUTCOMES.probe
    $JS.API.CONSUMER.DELETE.OUTCOMES.probe
    $JS.API.CONSUMER.CREATE.OUTCOMES.probe.tillbook.outcome.acme.order.1

    $JS.API.STREAM.INFO.DEAD_LETTERS
    $JS.API.CONSUMER.CREATE.DEAD_LETTERS
    $JS.API.CONSUMER.INFO.DEAD_LETTERS.probe
    $JS.API.CONSUMER.MSG.NEXT.DEAD_LETTERS.probe
    $JS.API.CONSUMER.DELETE.DEAD_LETTERS.probe
    $JS.API.CONSUMER.CREATE.DEAD_LETTERS.probe.tillbook.dead_letter.acme.order.1

    $JS.API.STREAM.INFO.KV_runs
    $JS.API.DIRECT.GET.KV_runs.$KV.runs.acme.order.1
    $KV.runs.acme
    $KV.runs.acme.order.1
    $KV.runs.acme.client.id.1
    $JS.API.CONSUMER.CREATE.KV_runs
    $JS.API.CONSUMER.CREATE.KV_runs.probe.$KV.runs.>
    $JS.API.CONSUMER.INFO.KV_runs.probe
    $JS.API.CONSUMER.DELETE.KV_runs.probe
    $JS.FC.KV_runs.probe.1

    $JS.API.STREAM.INFO.KV_ledger
    $JS.API.DIRECT.GET.KV_ledger.$KV.ledger.acme.order.1
    $KV.ledger.acme.order.1
    $JS.API.CONSUMER.CREATE.KV_ledger
    $JS.API.CONSUMER.CREATE.KV_ledger.probe.$KV.ledger.>
    $JS.API.CONSUMER.INFO.KV_ledger.probe
    $JS.API.CONSUMER.DELETE.KV_ledger.probe
    $JS.FC.KV_ledger.probe.1

    $JS.API.CONSUMER.INFO.HINTS.fetch
    $JS.API.CONSUMER.INFO.INGESTED.validate
    $JS.API.CONSUMER.INFO.VALIDATED.transform
    $JS.API.CONSUMER.INFO.TRANSFORMED.lookup
    $JS.API.CONSUMER.INFO.RESOLVED.deliver
";

/// Makes and changes; deletes and purges nothing.
const BOOTSTRAP: &str = "
    $JS.API.CONSUMER.CREATE.HINTS.fetch.tillbook.x
    $JS.API.CONSUMER.CREATE.INGESTED.validate.tillbook.x
    $JS.API.CONSUMER.CREATE.VALIDATED.transform.tillbook.x
    $JS.API.CONSUMER.CREATE.TRANSFORMED.lookup.tillbook.x
    $JS.API.CONSUMER.CREATE.RESOLVED.deliver.tillbook.x
    $JS.API.CONSUMER.CREATE.RETRIES.fetch.tillbook.x
    $JS.API.CONSUMER.CREATE.RETRIES.validate.tillbook.x
    $JS.API.CONSUMER.CREATE.RETRIES.transform.tillbook.x
    $JS.API.CONSUMER.CREATE.RETRIES.lookup.tillbook.x
    $JS.API.CONSUMER.CREATE.RETRIES.deliver.tillbook.x
";

const STREAMS: [&str; 19] = [
    "HINTS",
    "INGESTED",
    "VALIDATED",
    "TRANSFORMED",
    "RESOLVED",
    "OUTCOMES",
    "JOURNAL",
    "DEAD_LETTERS",
    "RETRIES",
    "ADVISORIES",
    "KV_ledger",
    "KV_mappings",
    "KV_tokens",
    "KV_connections",
    "KV_runs",
    "KV_sweeps",
    "KV_letters",
    "KV_releases",
    "KV_health",
];

pub(crate) fn publishes(user: &str) -> BTreeSet<String> {
    let lists: &[&str] = match user {
        "ingest" => &[INGEST],
        "validate" => &[VALIDATE],
        "transform" => &[TRANSFORM],
        "lookup" => &[LOOKUP, TOKENS],
        "deliver" => &[DELIVER, TOKENS],
        "monitor" => &[MONITOR, TOKENS],
        "replay" => &[REPLAY],
        "all" => &[
            INGEST, VALIDATE, TRANSFORM, LOOKUP, DELIVER, MONITOR, REPLAY, TOKENS,
        ],
        "operator" => &[OPERATOR, TOKENS],
        "bootstrap" => &[BOOTSTRAP, TOKENS],
        _ => &[],
    };
    let lines = lists.iter().flat_map(|list| list.lines());
    let mut subjects: BTreeSet<String> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    subjects.insert(EVERYBODY.to_owned());
    if !matches!(user, "operator" | "bootstrap") {
        let lines = HEALTH.lines().map(str::trim);
        subjects.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if user == "bootstrap" {
        for stream in STREAMS {
            for action in ["CREATE", "UPDATE", "INFO"] {
                subjects.insert(format!("$JS.API.STREAM.{action}.{stream}"));
            }
        }
    }
    subjects
}

pub(crate) fn subscriptions(user: &str) -> BTreeSet<String> {
    let mut subjects = BTreeSet::from([format!("_INBOX_{user}.a.b")]);
    if matches!(user, "replay" | "all") {
        subjects.insert("tillbook.control.replay".to_owned());
    }
    subjects
}
