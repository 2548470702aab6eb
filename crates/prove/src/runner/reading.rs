//! The evidence on one order: from the lists at first, from calls of its own the second time.

use connect::bigcommerce::lists::OrderRow;
use connect::freshbooks::lists::{InvoiceFigures, PaymentFigures};

use super::{Error, Run};
use crate::amounts::sum;
use crate::evidence::{
    Booked, Deleted, Evidence, Outgoing, PAYING, Taken, given_back, paying_order, refund_of,
};
use crate::judge::names_gateway;
use crate::report::{Calls, Cause, Code};

impl Run<'_> {
    /// Whether the order's transactions can say anything its own figures do not.
    pub(super) fn needs_transactions(&self, order: &OrderRow) -> bool {
        let incomplete = order.status_id == Some(0);
        let free = order.total_inc_tax.is_some_and(|total| total.is_zero());
        let tender =
            !order.gift_certificate_amount.is_zero() || !order.store_credit_amount.is_zero();
        !incomplete && !free && (names_gateway(order) || tender)
    }

    /// What the lists and the order's transactions say.
    pub(super) async fn evidence(&self, order: &OrderRow, day: &str) -> Result<Evidence, Error> {
        let transactions = self.transactions(order).await?;
        let rows = self.survey.refunds.get(&order.id);
        let rows = rows.map(Vec::as_slice).unwrap_or_default();
        let refunds = given_back(rows, &transactions, |row| self.day_of(row.created_at));
        let number = self.proof.terms.number(order.id);
        let own = self.survey.of_number(&number).map(|one| (one, false));
        let foreign = self.foreign(order, &transactions);
        let foreign = foreign.iter().filter_map(|id| self.survey.invoices.get(id));
        let invoices: Vec<Booked> = own
            .chain(foreign.map(|one| (one, true)))
            .map(|(invoice, renumbered)| Booked {
                invoice: invoice.clone(),
                payments: self.listed_payments(invoice),
                renumbered,
            })
            .collect();
        let records = rows.iter().map(|row| row.id.to_string());
        let ids: Vec<String> = refunds
            .iter()
            .map(|refund| refund.id.clone())
            .chain(records)
            .collect();
        let client = invoices.first().map(|booked| booked.invoice.client_id);
        Ok(Evidence {
            order: order.clone(),
            day: day.to_owned(),
            transactions,
            refunds,
            invoices,
            pays: self.listed_pays(order.id),
            outgoing: self.survey.given_back(&number, &ids),
            client: client.and_then(|id| self.survey.clients.get(&id).cloned()),
            customer_email: None,
            deleted: Deleted::default(),
        })
    }

    fn listed_payments(&self, invoice: &InvoiceFigures) -> Vec<PaymentFigures> {
        let known = self.survey.payments.get(&invoice.id);
        known.cloned().unwrap_or_default()
    }

    /// Payments that name this order as the one which paid another's invoice.
    fn listed_pays(&self, order_id: u64) -> Vec<PaymentFigures> {
        let paid = self.survey.of_money(&format!("{PAYING}{order_id}"));
        let listed = paid.iter().filter_map(|id| self.survey.payments.get(id));
        let is_own = |payment: &&PaymentFigures| paying_order(&payment.note) == Some(order_id);
        listed.flatten().filter(is_own).cloned().collect()
    }

    fn paid_by(&self, invoice_id: u64, order_id: u64) -> bool {
        let payments = self.survey.payments.get(&invoice_id).into_iter().flatten();
        payments
            .into_iter()
            .any(|payment| paying_order(&payment.note) == Some(order_id))
    }

    async fn pays_again(&self, before: &Evidence) -> Result<Vec<PaymentFigures>, Error> {
        let mut invoices: Vec<u64> = before.pays.iter().map(|one| one.invoice_id).collect();
        invoices.sort_unstable();
        invoices.dedup();
        let (account, order_id) = (&self.vendors.account, before.order.id);
        let mut pays = Vec::new();
        for id in invoices {
            let payments = self.vendors.freshbooks(|| account.payments_of(id)).await?;
            let own = payments.into_iter();
            pays.extend(own.filter(|payment| paying_order(&payment.note) == Some(order_id)));
        }
        Ok(pays)
    }

    /// Invoices that do not bear the order's number, but hold its money.
    fn foreign(&self, order: &OrderRow, transactions: &[Taken]) -> Vec<u64> {
        let number = self.proof.terms.number(order.id);
        let names = transactions
            .iter()
            .map(|taken| format!("txn:{}", taken.row.id));
        let mut ids: Vec<u64> = names
            .chain([format!("offline:{}", order.id)])
            .flat_map(|name| self.survey.of_money(&name).to_vec())
            // Another order's invoice that this one paid is none of its own.
            .filter(|id| !self.paid_by(*id, order.id))
            .filter(|id| {
                let known = self.survey.invoices.get(id);
                known.is_none_or(|invoice| invoice.number != number)
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    async fn transactions(&self, order: &OrderRow) -> Result<Vec<Taken>, Error> {
        if !self.needs_transactions(order) {
            return Ok(Vec::new());
        }
        let store = &self.vendors.store;
        let rows = self
            .vendors
            .bigcommerce(|| store.order_transactions(order.id))
            .await?;
        let taken = rows.into_iter().map(|row| Taken {
            day: self.day_of(row.created_at),
            row,
        });
        Ok(taken.collect())
    }

    fn day_of(&self, at: Option<jiff::Timestamp>) -> String {
        at.map(|at| self.span.day(at)).unwrap_or_default()
    }

    /// Everything about one order by calls of its own; `None` when the store has it no more.
    pub(super) async fn read_again(
        &self,
        id: u64,
        before: &Evidence,
    ) -> Result<Option<Evidence>, Error> {
        let (vendors, terms) = (self.vendors, &self.proof.terms);
        let found = vendors.bigcommerce(|| vendors.store.order_row(id)).await?;
        let Some(order) = found else {
            return Ok(None);
        };
        let transactions = self.transactions(&order).await?;
        let rows = vendors
            .bigcommerce(|| vendors.store.refunds_of_orders(std::slice::from_ref(&id)))
            .await?;
        let invoices = self.invoices_again(&order, &transactions).await?;
        let client_id = invoices.first().map(|booked| booked.invoice.client_id);
        let mut evidence = Evidence {
            day: order
                .created_at
                .map_or_else(|| before.day.clone(), |at| self.span.day(at)),
            refunds: given_back(&rows, &transactions, |row| self.day_of(row.created_at)),
            outgoing: before.outgoing.clone(),
            pays: self.pays_again(before).await?,
            client: None,
            customer_email: None,
            deleted: Deleted::default(),
            order,
            transactions,
            invoices,
        };
        if let Some(client_id) = client_id {
            let known = vendors
                .freshbooks(|| {
                    vendors
                        .account
                        .clients_named(std::slice::from_ref(&client_id))
                })
                .await?;
            evidence.client = known.into_iter().next();
            self.outgoing_again(&terms.number(id), client_id, &mut evidence)
                .await?;
        }
        let customer_id = evidence.order.customer_id;
        if customer_id != 0 && evidence.client.is_some() && !self.same_email(&evidence) {
            evidence.customer_email = vendors
                .bigcommerce(|| vendors.store.customer_email(customer_id))
                .await?;
        }
        Ok(Some(evidence))
    }

    fn same_email(&self, evidence: &Evidence) -> bool {
        evidence.client.as_ref().is_some_and(|client| {
            client.email.trim().to_lowercase() == evidence.order.email.trim().to_lowercase()
        })
    }

    async fn invoices_again(
        &self,
        order: &OrderRow,
        transactions: &[Taken],
    ) -> Result<Vec<Booked>, Error> {
        let (account, number) = (&self.vendors.account, self.proof.terms.number(order.id));
        let own = self
            .vendors
            .freshbooks(|| account.invoices_numbered(&number))
            .await?;
        let mut found: Vec<(InvoiceFigures, bool)> = Vec::new();
        for invoice in own {
            found.push((invoice, false));
        }
        for id in self.foreign(order, transactions) {
            let one = self
                .vendors
                .freshbooks(|| account.invoice_figures(id))
                .await?;
            let one = one.filter(|invoice| !invoice.is_deleted && invoice.number != number);
            found.extend(one.map(|invoice| (invoice, true)));
        }
        let mut invoices = Vec::with_capacity(found.len());
        for (invoice, renumbered) in found {
            let id = invoice.id;
            let payments = self.vendors.freshbooks(|| account.payments_of(id)).await?;
            invoices.push(Booked {
                invoice,
                payments,
                renumbered,
            });
        }
        Ok(invoices)
    }

    /// Credit notes again, by client; expenses stay as the list had them.
    async fn outgoing_again(
        &self,
        number: &str,
        client_id: u64,
        evidence: &mut Evidence,
    ) -> Result<(), Error> {
        if evidence.refunds.is_empty() && evidence.outgoing.is_empty() {
            return Ok(());
        }
        let account = &self.vendors.account;
        let notes = self
            .vendors
            .freshbooks(|| account.credit_notes_of(client_id))
            .await?;
        evidence
            .outgoing
            .retain(|one| one.figures.number.is_empty());
        for figures in notes {
            let Some(refund_id) = refund_of(&figures) else {
                continue;
            };
            let ours = figures
                .number
                .rsplit_once("-R")
                .is_some_and(|(stem, _)| stem == number);
            if ours || evidence.refunds.iter().any(|refund| refund.id == refund_id) {
                evidence.outgoing.push(Outgoing { refund_id, figures });
            }
        }
        Ok(())
    }

    /// Looks among the deleted for what these causes say is missing.
    pub(super) async fn deleted(
        &self,
        evidence: &Evidence,
        causes: &[Cause],
    ) -> Result<Deleted, Error> {
        let (vendors, account) = (self.vendors, &self.vendors.account);
        let lacks = |code: Code| causes.iter().any(|cause| cause.code == code);
        let number = self.proof.terms.number(evidence.order.id);
        let mut deleted = Deleted::default();
        if lacks(Code::Missing) {
            let found = vendors.freshbooks(|| account.deleted_invoices_numbered(&number));
            deleted.invoices = found.await?;
        }
        if lacks(Code::PaymentMissing) {
            for booked in &evidence.invoices {
                let id = booked.invoice.id;
                let found = vendors.freshbooks(|| account.deleted_payments_of(id));
                deleted.payments.extend(found.await?);
            }
        }
        let client_id = evidence
            .invoices
            .first()
            .map(|booked| booked.invoice.client_id);
        let Some(client_id) = client_id else {
            return Ok(deleted);
        };
        if lacks(Code::RefundMissing) {
            let found = vendors.freshbooks(|| account.deleted_credit_notes_of(client_id));
            let told = found.await?.into_iter().filter_map(|figures| {
                let refund_id = refund_of(&figures)?;
                Some(Outgoing { refund_id, figures })
            });
            deleted.credit_notes = told.collect();
        }
        if lacks(Code::ClientWrong) && evidence.client.is_none() {
            let asked = vendors.freshbooks(|| account.is_client_deleted(client_id));
            deleted.client = asked.await?;
        }
        Ok(deleted)
    }

    /// The calls of a second reading, where the lists alone show that there will be one.
    pub(super) fn cost_of_reading_again(&self, order: &OrderRow) -> Option<Calls> {
        let terms = &self.span.terms;
        let number = terms.number(order.id);
        let invoices: Vec<&InvoiceFigures> = self.survey.of_number(&number).collect();
        let status = order.status_id.unwrap_or(0);
        if matches!(status, 0 | 5 | 6) || order.is_deleted || self.is_young(order) {
            return None;
        }
        let differs = |invoice: &&InvoiceFigures| {
            let payments = self.survey.payments.get(&invoice.id).into_iter().flatten();
            let paid = sum(payments.filter_map(|payment| payment.amount));
            invoice.amount != order.total_inc_tax || invoice.paid != Some(paid)
        };
        if invoices.len() == 1 && !invoices.iter().any(differs) {
            return None;
        }
        let found = u64::try_from(invoices.len()).unwrap_or(u64::MAX);
        let with_client = u64::from(found > 0);
        let rows = self.survey.refunds.get(&order.id);
        let refunds = u64::from(rows.is_some() && found > 0);
        Some(Calls {
            bigcommerce: 2 + u64::from(self.needs_transactions(order)),
            freshbooks: 1 + found + with_client + refunds,
        })
    }
}
