//! What a person can do about a cause, in plain words.
//!
//! Every letter gets one: a code that is not listed falls back on how its message ended.

use super::WORKER_DIED;
use crate::dead_letter::DeadLetterKind;

/// The proposed fix of a letter's first telling reason.
pub(super) fn proposed(stage: &str, kind: DeadLetterKind, code: &str) -> &'static str {
    by_code(code).unwrap_or_else(|| by_end(stage, kind))
}

fn by_code(code: &str) -> Option<&'static str> {
    Some(match code {
        WORKER_DIED => {
            "This message ended its worker again and again: report it with this letter. Release \
             it once a version with a mend runs; others that were under way beside it pass at \
             once."
        }
        "panic" | "too_many_steps" | "nameless_message" | "ledger_unreadable" => {
            "This is a bug: report it with this letter, and release it once a version with a mend \
             runs."
        }
        "timeout" => {
            "Check whether the vendor was slow or process_timeout_s is too short, then release."
        }
        "unknown_schema" | "unreadable" | "unreadable_plan" | "unreadable_order" => {
            "Another version wrote it, or it is damaged: release with --refetch, which reads the \
             entity from the store again; purge what is no message of Tillbook."
        }
        "unknown_connection" => {
            "Add the connection to tillbook.toml, restart the services and release; or purge what \
             belongs to a connection that is gone."
        }
        "mapping_invalid" | "mapping_fault" | "mapping_changed_amounts" => {
            "Correct the mapping document, publish it with `tillbook mapping publish`, then \
             release."
        }
        "plan_limit" => {
            "Raise the plan of the FreshBooks account or make room in it, then release."
        }
        "unauthorized" | "grant_revoked" => {
            "Grant Tillbook access to FreshBooks again, then release."
        }
        "unavailable" | "unknown_outcome" | "throttled" | "conflict" => {
            "The vendor was away or busy for too long. When it answers again, release."
        }
        "rejected" | "unsendable" => {
            "The vendor refused it for good; its own words stand beside. Mend what they name (the \
             account, the mapping, or the order), then release; after a change in the store or \
             the mapping with --refetch."
        }
        "period_closed" => {
            "Open the period (policy books_locked_until), then release with --refetch; or book it \
             by hand and purge."
        }
        "unknown_sku" => {
            "Create the items in FreshBooks or change the policy unknown_sku, then release with --refetch."
        }
        "missing_customer" => {
            "Name the customer in the store or change the policy, then release with --refetch."
        }
        "edited_in_freshbooks"
        | "client_edited_in_freshbooks"
        | "payment_edited_in_freshbooks"
        | "refund_edited_in_freshbooks"
        | "shipping_expense_edited_in_freshbooks"
        | "invoice_deleted_in_freshbooks" => {
            "A person changed it in FreshBooks. Decide which is right: take the change back and \
             release, or leave it and purge."
        }
        "sums_do_not_match"
        | "tax_does_not_match"
        | "tax_rows_do_not_add_up"
        | "refund_sums_do_not_match"
        | "refund_tax_does_not_match"
        | "total_differs"
        | "refund_total_differs"
        | "payments_do_not_add_up" => {
            "Both sums stand in the reason. Correct the order in the store and release with \
             --refetch, or book it by hand and purge."
        }
        "message_too_large" | "document_too_large" => {
            "Shorten the order's texts in the store, then release with --refetch."
        }
        _ => return None,
    })
}

fn by_end(stage: &str, kind: DeadLetterKind) -> &'static str {
    match kind {
        DeadLetterKind::Held if stage == "validate" => {
            "Correct the named places in the store and release with --refetch, or correct this \
             letter with `tillbook dlq edit` and release it."
        }
        DeadLetterKind::Held => "Decide what the reason asks, carry it out, then release.",
        DeadLetterKind::Exhausted => "When what was away answers again, release.",
        DeadLetterKind::Unreadable => {
            "Release with --refetch, which reads the entity from the store again; purge what is no \
             message of Tillbook."
        }
        DeadLetterKind::Rejected | DeadLetterKind::Unspecified => {
            "Mend what the reasons name, then release with --refetch."
        }
    }
}
