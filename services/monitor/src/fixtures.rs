//! Messages as the stages would store them, for tests.

use std::collections::BTreeMap;

use contracts::books::{Outcome, OutcomeKind};
use contracts::dead_letter::{DeadLetter, DeadLetterKind, Header, Reason};
use contracts::event::{Entity, Event};
use contracts::journal::{JournalEntry, JournalKind};
use contracts::money::Money;

use crate::projection::{Content, Record};

/// 2026-11-23, Unix milliseconds.
pub(crate) const START_MS: u64 = 1_795_400_000_000;

/// Builds the messages of one order on its way.
#[derive(Clone, Debug)]
pub(crate) struct Journey {
    pub connection: &'static str,
    pub order_id: String,
    pub event_id: String,
    pub trace_id: String,
    at_ms: u64,
    count: u32,
}

impl Journey {
    pub(crate) fn new(connection: &'static str, number: u32) -> Self {
        let at_ms = START_MS + u64::from(number) * 1_000;
        Self {
            connection,
            order_id: number.to_string(),
            event_id: format!("{connection}-{number}-{at_ms}"),
            trace_id: format!("{number:032x}"),
            at_ms,
            count: 0,
        }
    }

    /// The next event of the same order.
    pub(crate) fn again(&mut self) {
        self.at_ms += 60_000;
        self.event_id = format!("{}-{}-{}", self.connection, self.order_id, self.at_ms);
        self.trace_id = format!("{:032x}", self.at_ms);
    }

    pub(crate) fn entry(
        &mut self,
        stage: &str,
        kind: JournalKind,
        attributes: &[(&str, &str)],
    ) -> JournalEntry {
        self.at_ms += 3;
        self.count += 1;
        // Hooks and fetches come before the event has its id.
        let early = matches!(stage, "ingest" | "fetch");
        let event_id = if early {
            String::new()
        } else {
            self.event_id.clone()
        };
        JournalEntry {
            entry_id: format!(
                "{stage}:{}:{}:{}",
                self.connection, self.order_id, self.count
            ),
            connection: self.connection.to_owned(),
            entity: Entity::Order.into(),
            entity_id: self.order_id.clone(),
            event_id,
            at_ms: self.at_ms,
            stage: stage.to_owned(),
            kind: kind.into(),
            detail: String::new(),
            trace_id: self.trace_id.clone(),
            attempt: 1,
            duration_us: 1_500,
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    /// Hook, snapshot and every stage up to, and without, delivery.
    pub(crate) fn up_to_lookup(&mut self) -> Vec<JournalEntry> {
        let total = [("total_minor", "12345"), ("currency", "USD")];
        let call = [
            ("vendor", "bigcommerce"),
            ("method", "GET"),
            ("path_template", "/stores/{hash}/v2/orders/{id}"),
            ("status", "200"),
        ];
        vec![
            self.entry(
                "ingest",
                JournalKind::HookReceived,
                &[("scope", "store/order/created")],
            ),
            self.entry("fetch", JournalKind::VendorCalled, &call),
            self.entry("fetch", JournalKind::SnapshotStored, &total),
            self.entry("fetch", JournalKind::StagePassed, &[]),
            self.entry("validate", JournalKind::StagePassed, &[]),
            self.entry("transform", JournalKind::StagePassed, &[]),
            self.entry("lookup", JournalKind::StagePassed, &[]),
        ]
    }

    /// What delivery notes when it has written.
    pub(crate) fn delivery(&mut self) -> Vec<JournalEntry> {
        let call = [
            ("vendor", "freshbooks"),
            ("method", "POST"),
            (
                "path_template",
                "/accounting/account/{id}/invoices/invoices",
            ),
            ("status", "200"),
        ];
        vec![
            self.entry(
                "deliver",
                JournalKind::LedgerWritten,
                &[("intent", "create_invoice")],
            ),
            self.entry("deliver", JournalKind::VendorCalled, &call),
            self.entry("deliver", JournalKind::LedgerWritten, &[]),
            self.entry("deliver", JournalKind::Delivered, &[]),
            self.entry("deliver", JournalKind::StagePassed, &[]),
        ]
    }

    pub(crate) fn outcome(&self, kind: OutcomeKind) -> Outcome {
        Outcome {
            event: Some(Event {
                event_id: self.event_id.clone(),
                connection: self.connection.to_owned(),
                entity: Entity::Order.into(),
                entity_id: self.order_id.clone(),
                ..Event::default()
            }),
            kind: kind.into(),
            client_id: 7,
            invoice_id: 70_000 + u64::from(self.count),
            invoice_number: format!("BC-{}", self.order_id),
            invoice_total: Some(Money {
                amount_minor: 12_345,
                currency_code: "USD".to_owned(),
            }),
            payment_ids: vec![91, 92],
            refund_ids: Vec::new(),
            writes: 2,
            detail: String::new(),
        }
    }

    /// A dead letter of two reasons, and the journal entry beside it.
    pub(crate) fn death(
        &mut self,
        stage: &str,
        kind: DeadLetterKind,
    ) -> (DeadLetter, JournalEntry) {
        let id = format!("{stage}-VALIDATED-{}-{}", self.order_id, self.at_ms);
        let noted = [
            ("dead_letter_id", id.as_str()),
            ("kind", kind.as_str_name()),
        ];
        let entry = self.entry(stage, JournalKind::DeadLettered, &noted);
        let reason = |code: &str| Reason {
            code: code.to_owned(),
            message: format!("the order has {code}; add it in the store"),
            path: "billing_address".to_owned(),
        };
        let letter = DeadLetter {
            cause: None,
            dead_letter_id: id.clone(),
            stage: stage.to_owned(),
            kind: kind.into(),
            reasons: vec![reason("missing_customer"), reason("unknown_currency")],
            connection: self.connection.to_owned(),
            entity: "order".to_owned(),
            entity_id: self.order_id.clone(),
            event_id: self.event_id.clone(),
            attempts: 3,
            first_seen_at_ms: self.at_ms - 1_000,
            dead_at_ms: self.at_ms,
            original_stream: "VALIDATED".to_owned(),
            original_subject: format!(
                "tillbook.validated.{}.order.{}",
                self.connection, self.order_id
            ),
            original_sequence: 17,
            original_headers: vec![Header {
                name: "Tillbook-Schema".to_owned(),
                value: "tillbook.order.v1.ValidatedOrder".to_owned(),
            }],
            original_payload: b"jane@example.com".to_vec().into(),
            traceparent: format!("00-{}-00f067aa0ba902b7-01", self.trace_id),
        };
        (letter, entry)
    }
}

/// Entries as one stored message.
pub(crate) fn journal(sequence: u64, entries: Vec<JournalEntry>) -> Record {
    Record {
        sequence,
        content: Content::Journal(entries),
    }
}

/// An outcome as a stored message.
pub(crate) fn outcome(sequence: u64, journey: &Journey, kind: OutcomeKind) -> Record {
    Record {
        sequence,
        content: Content::Outcome {
            outcome: Box::new(journey.outcome(kind)),
            at_ms: i64::try_from(journey.at_ms).unwrap(),
            trace_id: journey.trace_id.clone(),
        },
    }
}
