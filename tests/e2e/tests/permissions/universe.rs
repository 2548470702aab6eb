//! Everything that could be asked of the server, one subject of each kind.

use std::collections::BTreeSet;

use contracts::topology::{Bucket, Stage, Stream};

use crate::expected;

/// Requests about a stream; `S` stands for it.
const STREAM_REQUESTS: [&str; 24] = [
    "$JS.API.STREAM.CREATE.S",
    "$JS.API.STREAM.UPDATE.S",
    "$JS.API.STREAM.INFO.S",
    "$JS.API.STREAM.DELETE.S",
    "$JS.API.STREAM.PURGE.S",
    "$JS.API.STREAM.SNAPSHOT.S",
    "$JS.API.STREAM.RESTORE.S",
    "$JS.API.STREAM.MSG.GET.S",
    "$JS.API.STREAM.MSG.DELETE.S",
    "$JS.API.STREAM.LEADER.STEPDOWN.S",
    "$JS.API.STREAM.PEER.REMOVE.S",
    "$JS.API.DIRECT.GET.S",
    "$JS.API.CONSUMER.CREATE.S",
    "$JS.API.CONSUMER.CREATE.S.probe.tillbook.x",
    "$JS.API.CONSUMER.DURABLE.CREATE.S.probe",
    "$JS.API.CONSUMER.DELETE.S.probe",
    "$JS.API.CONSUMER.INFO.S.probe",
    "$JS.API.CONSUMER.MSG.NEXT.S.probe",
    "$JS.API.CONSUMER.NAMES.S",
    "$JS.API.CONSUMER.LIST.S",
    "$JS.API.CONSUMER.PAUSE.S.probe",
    "$JS.API.CONSUMER.LEADER.STEPDOWN.S.probe",
    "$JS.ACK.S.probe.1.1.1.1.1",
    "$JS.FC.S.probe.1",
];

/// Requests about a stage's consumer; `S` and `C` stand for stream and consumer.
const CONSUMER_REQUESTS: [&str; 7] = [
    "$JS.API.CONSUMER.CREATE.S.C.tillbook.x",
    "$JS.API.CONSUMER.DURABLE.CREATE.S.C",
    "$JS.API.CONSUMER.DELETE.S.C",
    "$JS.API.CONSUMER.INFO.S.C",
    "$JS.API.CONSUMER.MSG.NEXT.S.C",
    "$JS.API.CONSUMER.PAUSE.S.C",
    "$JS.ACK.S.C.1.1.1.1.1",
];

const OTHERS: [&str; 11] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.ACCOUNT.PURGE.x",
    "$JS.API.META.LEADER.STEPDOWN",
    "$SYS.REQ.SERVER.PING",
    "$KV.another.key",
    "tillbook.control.replay",
    "tillbook.control.another",
    "tillbook.another.acme.order.1",
    "another",
];

/// The request with a token replaced.
fn filled(request: &str, token: &str, by: &str) -> String {
    let tokens = request.split('.');
    let tokens: Vec<&str> = tokens
        .map(|one| if one == token { by } else { one })
        .collect();
    tokens.join(".")
}

fn streams() -> Vec<String> {
    let streams = Stream::ALL.map(|stream| stream.name().to_owned());
    let buckets = Bucket::ALL.map(|bucket| format!("KV_{}", bucket.name()));
    streams.into_iter().chain(buckets).collect()
}

/// Messages of every kind that a stream or bucket takes.
fn messages() -> BTreeSet<String> {
    let mut subjects = BTreeSet::new();
    for stream in Stream::ALL {
        subjects.insert(stream.subject("acme", "order", "1"));
    }
    for bucket in Bucket::ALL {
        for key in ["acme.order.1", "acme.client.id.1", "acme"] {
            subjects.insert(format!("$KV.{}.{key}", bucket.name()));
        }
    }
    for stage in Stage::ALL {
        subjects.insert(stage.schedule_subject("1"));
        subjects.insert(stage.due_subject("tillbook.x.acme.order.1"));
    }
    subjects
}

pub(crate) fn publishes() -> BTreeSet<String> {
    let mut subjects = messages();
    for stream in streams() {
        subjects.extend(STREAM_REQUESTS.map(|request| filled(request, "S", &stream)));
    }
    for stage in Stage::ALL {
        for stream in [stage.input(), Stream::Retries] {
            subjects
                .extend(CONSUMER_REQUESTS.map(|request| {
                    filled(&filled(request, "S", stream.name()), "C", stage.name())
                }));
        }
    }
    for stream in Stream::ALL {
        let subject = stream.subject("acme", "order", "1");
        let name = stream.name();
        subjects.insert(format!("$JS.API.DIRECT.GET.{name}.{subject}"));
        subjects.insert(format!("$JS.API.CONSUMER.CREATE.{name}.probe.{subject}"));
    }
    for bucket in Bucket::ALL.map(Bucket::name) {
        subjects.insert(format!(
            "$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.acme.order.1"
        ));
        subjects.insert(format!(
            "$JS.API.CONSUMER.CREATE.KV_{bucket}.probe.$KV.{bucket}.>"
        ));
    }
    subjects.extend(inboxes());
    subjects.extend(OTHERS.map(str::to_owned));
    subjects
}

pub(crate) fn subscriptions() -> BTreeSet<String> {
    let mut subjects = messages();
    subjects.extend(inboxes());
    let wide = [
        ">",
        "*.>",
        "tillbook.>",
        "tillbook.control.replay",
        "tillbook.control.>",
        "$JS.>",
        "$JS.API.>",
        "$JS.ACK.>",
        "$JS.EVENT.ADVISORY.>",
        "$KV.>",
        "$KV.tokens.>",
        "$SYS.>",
        "_INBOX.>",
        "_INBOX.a.b",
    ];
    subjects.extend(wide.map(str::to_owned));
    subjects
}

fn inboxes() -> impl Iterator<Item = String> {
    expected::USERS
        .into_iter()
        .map(|user| format!("_INBOX_{user}.a.b"))
}
