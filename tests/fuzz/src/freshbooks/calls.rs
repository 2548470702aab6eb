//! The client's calls, each made once over a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use connect::VendorError;
use connect::call::NoObserver;
use connect::freshbooks::oauth::{Endpoint, refresh};
use connect::freshbooks::{BoxFuture, Client, Config, Deleted, Rebilled, TokenError, TokenSource};
use domain::books::DesiredBooks;
use domain::items::DesiredItem;
use secrecy::SecretString;
use url::Url;

use super::account::{ACCOUNT, Ids, SECRET};
use crate::line::{Line, MARK};

/// The client's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    FindClients,
    FindInvoices,
    GetInvoice,
    ListPayments,
    ListCreditNotes,
    ListExpenses,
    ListCategories,
    ListItems,
    FindItems,
    CreateClient,
    UpdateClient,
    RemoveClient,
    CreateInvoice,
    UpdateInvoice,
    MarkSent,
    EmailInvoice,
    RemoveInvoice,
    CreatePayment,
    RemovePayment,
    CreateCreditNote,
    CreateExpense,
    CreateItem,
    Refresh,
}

pub(super) const CALLS: [Call; 23] = [
    Call::FindClients,
    Call::FindInvoices,
    Call::GetInvoice,
    Call::ListPayments,
    Call::ListCreditNotes,
    Call::ListExpenses,
    Call::ListCategories,
    Call::ListItems,
    Call::FindItems,
    Call::CreateClient,
    Call::UpdateClient,
    Call::RemoveClient,
    Call::CreateInvoice,
    Call::UpdateInvoice,
    Call::MarkSent,
    Call::EmailInvoice,
    Call::RemoveInvoice,
    Call::CreatePayment,
    Call::RemovePayment,
    Call::CreateCreditNote,
    Call::CreateExpense,
    Call::CreateItem,
    Call::Refresh,
];

/// What a call gave: a read nothing that is looked at here, a write perhaps the id of its record.
pub(super) enum Gave {
    Read,
    Wrote(Option<u64>),
    Tokens(String),
}

/// The sandbox's own token; a refresh gives one that the sandbox does not know.
struct Token(String);

impl TokenSource for Token {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(std::future::ready(Ok(self.0.as_str().into())))
    }

    fn refresh<'a>(
        &'a self,
        _rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        Box::pin(std::future::ready(Ok(format!("{MARK}-token").into())))
    }
}

fn config() -> Result<Config, String> {
    let url = |text| Url::parse(text).map_err(|error| format!("{text}: {error}"));
    Ok(Config::new(
        url("https://api.freshbooks.com")?,
        url("https://auth.freshbooks.com")?,
        ACCOUNT.to_owned(),
        "app".to_owned(),
        SECRET.into(),
        url("https://hooks.example.com/oauth")?,
    ))
}

/// Makes the call.
pub(super) async fn make(
    call: Call,
    line: &Arc<Line>,
    books: &DesiredBooks,
    (token, next): (&str, &SecretString),
    ids: Ids,
) -> Result<Gave, VendorError> {
    let unusable = |_| VendorError::Unsendable {
        reason: "the target's own configuration cannot be used",
    };
    let config = config().map_err(unusable)?;
    if call == Call::Refresh {
        let endpoint = Endpoint::over(Arc::<Line>::clone(line), Arc::new(NoObserver));
        let pair = refresh(&endpoint, &config, next).await?;
        let shown = format!("{pair:?}");
        return Ok(Gave::Tokens(shown));
    }
    let tokens = Arc::new(Token(token.to_owned()));
    let client = Client::over(
        Arc::<Line>::clone(line),
        config,
        tokens,
        Arc::new(NoObserver),
    );
    let client = client.map_err(|_| unusable(String::new()))?;
    let written = |id| Gave::Wrote(Some(id));
    let none = Rebilled::new();
    let person = BTreeMap::from([("email".to_owned(), "bob@example.com".to_owned())]);
    Ok(match call {
        Call::FindClients => {
            client.find_clients_by_email("ada@example.com").await?;
            Gave::Read
        }
        Call::FindInvoices => {
            client
                .find_invoices_by_number("T-1", Deleted::Include)
                .await?;
            Gave::Read
        }
        Call::GetInvoice => {
            let invoice = client.get_invoice(ids.invoice).await?;
            let _ = (invoice.vendor_hash(), invoice.is_sent());
            Gave::Read
        }
        Call::ListPayments => {
            client.list_payments_of_invoice(ids.invoice).await?;
            Gave::Read
        }
        Call::ListCreditNotes => {
            client.list_credit_notes_of_client(ids.client).await?;
            Gave::Read
        }
        Call::ListExpenses => {
            client.list_expenses_of_client(ids.client).await?;
            Gave::Read
        }
        Call::ListCategories => {
            client.list_expense_categories().await?;
            Gave::Read
        }
        Call::ListItems => {
            client.list_items().await?;
            Gave::Read
        }
        Call::FindItems => {
            client.find_items_by_sku("MUG-1").await?;
            Gave::Read
        }
        Call::CreateClient => written(client.create_client(&person).await?.id),
        Call::UpdateClient => written(client.update_client(ids.client, &person).await?.id),
        Call::RemoveClient => {
            client.remove_client(ids.client).await?;
            Gave::Wrote(None)
        }
        Call::CreateInvoice => {
            let made = client
                .create_invoice(ids.client, &books.invoice, "Tillbook acme 1", &none)
                .await?;
            written(made.id)
        }
        Call::UpdateInvoice => {
            let changed = client.update_invoice(ids.invoice, None, &books.invoice, &none);
            written(changed.await?.id)
        }
        Call::MarkSent => written(client.mark_sent(ids.invoice).await?.id),
        Call::EmailInvoice => written(
            client
                .email_invoice(ids.invoice, "ada@example.com")
                .await?
                .id,
        ),
        Call::RemoveInvoice => {
            client.remove_invoice(ids.invoice).await?;
            Gave::Wrote(None)
        }
        Call::CreatePayment => match books.payments.first() {
            Some(payment) => written(client.create_payment(ids.invoice, payment).await?.id),
            None => Gave::Read,
        },
        Call::RemovePayment => {
            client.remove_payment(ids.payment).await?;
            Gave::Wrote(None)
        }
        Call::CreateCreditNote => match books.refunds.first() {
            Some(refund) => written(client.create_credit_note(ids.client, refund).await?.id),
            None => Gave::Read,
        },
        Call::CreateExpense => match books.refunds.first() {
            Some(refund) => written(client.create_expense(3, refund).await?.id),
            None => Gave::Read,
        },
        Call::CreateItem => written(client.create_item(&mug(), "Mug").await?.id),
        Call::Refresh => Gave::Read,
    })
}

fn mug() -> DesiredItem {
    DesiredItem {
        sku: "MUG-1".to_owned(),
        name: "Mug".to_owned(),
        unit_cost: Some(rust_decimal::Decimal::new(1_250, 2)),
        currency_code: "USD".to_owned(),
        inventory: None,
        variant_id: None,
    }
}
