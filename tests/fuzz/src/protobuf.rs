//! Protobuf messages: what decodes says the same after another round, and everything that reads a
//! message takes any that decodes.

use contracts::books::{Client, ClientVersion, DesiredBooks, Item, Outcome, ResolvedPlan};
use contracts::contract::{About, Contract};
use contracts::dead_letter::DeadLetter;
use contracts::event::Event;
use contracts::hint::Hint;
use contracts::journal::JournalBatch;
use contracts::ledger::{ClientEntry, OrderEntry};
use contracts::order::{Order, OrderSnapshot, Product, ValidatedOrder};
use contracts::original::{Original, schema_of};
use contracts::topology::Stream;
use contracts::{
    books_conversion, cause, customer_conversion, item_conversion, ledger_conversion,
    order_conversion, snapshot_document,
};
use domain::difference::next_step;
use domain::mapping::Mapping;
use domain::policy::Policy;
use monitor::projection::{Content, Raw as Stored, SOURCES, decode};
use prost::Message;
use prost_reflect::{MessageDescriptor, ReflectMessage};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::books::carried;
use crate::bytes::{Raw, pick, spoil};
use crate::messages;
use crate::run::Target;

/// Bytes that a sender claims to be a message.
#[derive(Clone, Debug)]
pub struct Claimed {
    kind: String,
    bytes: Raw,
}

/// Every message of the contracts, and messages of orders that went through the core.
#[derive(Debug)]
pub struct Messages {
    kinds: Vec<MessageDescriptor>,
    genuine: Vec<(&'static str, Vec<u8>)>,
}

impl Messages {
    /// With the messages that the corpus's orders lead to.
    ///
    /// # Errors
    /// When a class of the corpus is not what it should be.
    pub fn new() -> Result<Self, String> {
        let mut genuine = Vec::new();
        for document in corpus::fuzz::seeds()? {
            let event = Event {
                connection: "acme".to_owned(),
                entity: contracts::event::Entity::Order.into(),
                entity_id: "250".to_owned(),
                event_id: "e".to_owned(),
                ..Event::default()
            };
            let snapshot = OrderSnapshot {
                event: Some(event.clone()),
                encoding: contracts::order::Encoding::Identity.into(),
                document: document.to_string().into_bytes().into(),
                ..OrderSnapshot::default()
            };
            genuine.push((OrderSnapshot::SCHEMA, snapshot.encode_to_vec()));
            let Ok(validated) = validate::read(event.clone(), snapshot) else {
                continue;
            };
            genuine.push((ValidatedOrder::SCHEMA, validated.encode_to_vec()));
            let order = validated.order.iter().map(Message::encode_to_vec);
            genuine.extend(order.map(|order| ("tillbook.order.v1.Order", order)));
            let policy = Policy::default();
            let books = transform::transform(event, &validated, &policy, &Mapping::built_in());
            if let Ok(books) = books {
                genuine.push((DesiredBooks::SCHEMA, books.encode_to_vec()));
                genuine.push(("tillbook.dead_letter.v1.DeadLetter", letter(&books)));
            }
        }
        Ok(Self {
            kinds: messages::kinds()?,
            genuine,
        })
    }

    /// The messages that no reader below is known for.
    pub fn unread(&self) -> Vec<&str> {
        let names = self.kinds.iter().map(MessageDescriptor::full_name);
        names.filter(|name| reader(name).is_none()).collect()
    }
}

/// A letter with its original, so that its cause can be worked out.
fn letter(books: &DesiredBooks) -> Vec<u8> {
    let letter = DeadLetter {
        dead_letter_id: "d1".to_owned(),
        stage: "lookup".to_owned(),
        connection: "acme".to_owned(),
        original_payload: books.encode_to_vec().into(),
        ..DeadLetter::default()
    };
    letter.encode_to_vec()
}

impl Target for Messages {
    const NAME: &'static str = "messages";
    type Input = Claimed;

    fn input(&self, chance: &mut StdRng) -> Claimed {
        let is_genuine = chance.random_range(0..3) == 0;
        let (kind, mut bytes) = if is_genuine {
            let (name, bytes) = pick(&self.genuine, chance);
            let kind = self.kinds.iter().find(|kind| kind.full_name() == *name);
            (kind.unwrap_or(&self.kinds[0]), bytes.clone())
        } else {
            let kind = pick(&self.kinds, chance);
            (kind, messages::filled(kind, chance).encode_to_vec())
        };
        let as_tree = chance.random_range(0..3) > 0;
        if as_tree
            && let Ok(mut message) = prost_reflect::DynamicMessage::decode(kind.clone(), &*bytes)
        {
            for _ in 0..chance.random_range(1..4) {
                messages::spoil(&mut message, chance);
            }
            debug_assert_eq!(message.descriptor().full_name(), kind.full_name());
            bytes = message.encode_to_vec();
        } else {
            let donor = messages::filled(pick(&self.kinds, chance), chance);
            spoil(&mut bytes, &donor.encode_to_vec(), chance);
        }
        Claimed {
            kind: kind.full_name().to_owned(),
            bytes: Raw(bytes),
        }
    }

    fn check(&self, claimed: &Claimed) -> Result<&'static str, String> {
        projected(&claimed.bytes.0)?;
        let reader = reader(&claimed.kind).ok_or("nothing reads this message")?;
        reader(&claimed.bytes.0)
    }
}

type Reader = fn(&[u8]) -> Result<&'static str, String>;

/// How the bytes of a message are read, by the message's name.
fn reader(name: &str) -> Option<Reader> {
    macro_rules! kinds {
        ($($package:ident: $($message:ident),+;)+) => {
            match name {
                $($(concat!("tillbook.", stringify!($package), ".v1.", stringify!($message)) =>
                    Some((|bytes| read::<contracts::$package::$message>(bytes, |_| Ok("read"))) as Reader),)+)+
                _ => None,
            }
        };
    }
    Some(match name {
        Hint::SCHEMA => |bytes| read::<Hint>(bytes, travelling),
        OrderSnapshot::SCHEMA => |bytes| read::<OrderSnapshot>(bytes, snapshot),
        ValidatedOrder::SCHEMA => |bytes| read::<ValidatedOrder>(bytes, validated),
        DesiredBooks::SCHEMA => |bytes| read::<DesiredBooks>(bytes, desired),
        ResolvedPlan::SCHEMA => |bytes| read::<ResolvedPlan>(bytes, plan),
        Outcome::SCHEMA => |bytes| read::<Outcome>(bytes, travelling),
        "tillbook.books.v1.Client" => |bytes| read::<Client>(bytes, client),
        "tillbook.books.v1.ClientVersion" => |bytes| read::<ClientVersion>(bytes, version),
        "tillbook.books.v1.Item" => |bytes| read::<Item>(bytes, item),
        "tillbook.order.v1.Order" => |bytes| read::<Order>(bytes, order),
        "tillbook.order.v1.Product" => |bytes| read::<Product>(bytes, product),
        "tillbook.ledger.v1.OrderEntry" => |bytes| read::<OrderEntry>(bytes, entry),
        "tillbook.ledger.v1.ClientEntry" => |bytes| read::<ClientEntry>(bytes, client_entry),
        "tillbook.dead_letter.v1.DeadLetter" => |bytes| read::<DeadLetter>(bytes, dead),
        _ => {
            return kinds! {
                books: Invoice, Line, LineTax, Payment, Refund, ShippingExpense, Alternative, HeldFor,
                    ClientResolution, InvoiceResolution, ItemResolution;
                dead_letter: Cause, Reason, Header;
                event: Event;
                journal: JournalBatch, JournalEntry;
                ledger: AccountEntry, PaidInvoice, Undone, WrittenInvoice, WrittenPayment, WrittenRefund, WrittenShipping,
                    Intent, ClientField, ItemEntry;
                money: Money;
                order: Customer, Variant, Flag, Amounts, Totals, Address, FormField, ProductLine,
                    AppliedDiscount, Option, TaxRow, Coupon, Fee, Transaction, Refund, RefundItem,
                    RefundPayment;
            };
        }
    })
}

/// Decodes; what decoded says the same once it was written and read again.
fn read<M: Message + Default + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    use_it: fn(&M) -> Result<&'static str, String>,
) -> Result<&'static str, String> {
    let Ok(message) = M::decode(bytes) else {
        return Ok("no message");
    };
    let written = message.encode_to_vec();
    match M::decode(written.as_slice()) {
        Ok(again) if again == message && again.encode_to_vec() == written => use_it(&message),
        other => Err(format!("{message:?} becomes {other:?}")),
    }
}

/// The same after the way to the domain and back, where the domain takes it.
fn twice<W, D: PartialEq + std::fmt::Debug, E: std::fmt::Display>(
    wire: &W,
    from: impl Fn(&W) -> Result<D, E>,
    to: impl Fn(&D) -> W,
) -> Result<Option<D>, String> {
    match from(wire) {
        Err(error) if error.to_string().is_empty() => Err("an error without words".to_owned()),
        Err(_) => Ok(None),
        Ok(read) => match from(&to(&read)) {
            Ok(again) if again == read => Ok(Some(read)),
            Ok(again) => Err(format!("{read:?} travels and becomes {again:?}")),
            Err(error) => Err(format!("{read:?} travels and is refused: {error}")),
        },
    }
}

fn travelling<M: Contract>(message: &M) -> Result<&'static str, String> {
    let _ = message.origin();
    let Some(about) = message.about() else {
        return Ok("about nobody");
    };
    let About {
        connection,
        entity,
        entity_id,
        ..
    } = &about;
    let subject = Stream::Hints.subject(connection, entity.token(), entity_id);
    if entity.token().is_empty() || !subject.ends_with(entity_id.as_str()) {
        return Err(format!("{about:?} gives {subject}"));
    }
    Ok("about somebody")
}

fn snapshot(message: &OrderSnapshot) -> Result<&'static str, String> {
    travelling(message)?;
    let most = usize::try_from(snapshot_document::DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX);
    let event = message.event.clone().unwrap_or_default();
    match snapshot_document::read(message) {
        Ok(document) if document.len() > most => return Err("an unbounded document".to_owned()),
        Ok(_) => {}
        Err(error) => crate::books::named([("error", &*error.to_string())].into_iter())?,
    }
    match validate::read(event, message.clone()) {
        Ok(_) => Ok("snapshot read"),
        Err(failure) => crate::books::failure(&failure).map(|()| "snapshot refused"),
    }
}

fn validated(message: &ValidatedOrder) -> Result<&'static str, String> {
    travelling(message)?;
    if let Some(wire) = &message.order {
        order(wire)?;
    }
    let event = message.event.clone().unwrap_or_default();
    match transform::transform(event, message, &Policy::default(), &Mapping::built_in()) {
        // A customer's or a product's books hold no invoice.
        Ok(books) if books.invoice.is_some() => carried(&books).map(|_| "transformed"),
        Ok(books) => desired(&books).map(|_| "transformed beside"),
        Err(failure) => crate::books::failure(&failure).map(|()| "transform held"),
    }
}

fn order(wire: &Order) -> Result<&'static str, String> {
    let read = twice(wire, order_conversion::from_wire, order_conversion::to_wire)?;
    Ok(read.map_or("order refused", |_| "order read"))
}

fn desired(message: &DesiredBooks) -> Result<&'static str, String> {
    travelling(message)?;
    let read = twice(
        message,
        books_conversion::from_wire,
        books_conversion::to_wire,
    )?;
    Ok(read.map_or("books refused", |_| "books read"))
}

fn plan(message: &ResolvedPlan) -> Result<&'static str, String> {
    travelling(message)?;
    let Some(books) = &message.books else {
        return Ok("no books");
    };
    desired(books)
}

fn client(message: &Client) -> Result<&'static str, String> {
    let from = |wire: &Client| Ok::<_, String>(books_conversion::client_from_wire(wire));
    twice(message, from, books_conversion::client_to_wire).map(|_| "client read")
}

fn version(message: &ClientVersion) -> Result<&'static str, String> {
    let from = |wire: &ClientVersion| Ok::<_, String>(customer_conversion::version_from_wire(wire));
    twice(message, from, customer_conversion::version_to_wire).map(|_| "version read")
}

fn item(message: &Item) -> Result<&'static str, String> {
    let read = twice(
        message,
        item_conversion::from_wire,
        item_conversion::to_wire,
    )?;
    Ok(read.map_or("item refused", |_| "item read"))
}

fn product(message: &Product) -> Result<&'static str, String> {
    let from = item_conversion::product_from_wire;
    let read = twice(message, from, item_conversion::product_to_wire)?;
    Ok(read.map_or("product refused", |_| "product read"))
}

/// An entry that can be read has a next step for any books.
fn entry(message: &OrderEntry) -> Result<&'static str, String> {
    let _ = ledger_conversion::is_untouched(message);
    match ledger_conversion::written(message) {
        Err(error) if error.to_string().is_empty() => Err("an error without words".to_owned()),
        Err(_) => Ok("entry refused"),
        Ok(written) => {
            let gone = domain::account::gone(250, &Policy::default());
            let step = next_step(&gone, &written);
            if step == next_step(&gone, &written) {
                Ok("entry read")
            } else {
                Err("two next steps".to_owned())
            }
        }
    }
}

fn client_entry(message: &ClientEntry) -> Result<&'static str, String> {
    let known = customer_conversion::known_from_wire(&message.fields);
    let again = customer_conversion::known_to_wire(&known);
    if customer_conversion::known_from_wire(&again) == known {
        Ok("client's entry read")
    } else {
        Err(format!("{known:?} becomes {again:?}"))
    }
}

fn dead(message: &DeadLetter) -> Result<&'static str, String> {
    const CLASSES: [&str; 7] = [
        "crash",
        "bug",
        "unreadable",
        "outage",
        "data",
        "decision",
        "refusal",
    ];
    let cause = cause::work_out(message);
    let is_fingerprint = cause.fingerprint.len() == 16
        && cause
            .fingerprint
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit());
    if !is_fingerprint || !CLASSES.contains(&&*cause.class) || cause.proposed_fix.is_empty() {
        return Err(format!("an incomplete cause: {cause:?}"));
    }
    if cause::of(message).fingerprint.is_empty()
        || schema_of(message).is_some_and(|name| name.is_empty())
    {
        return Err("a letter without a cause or schema".to_owned());
    }
    let original = Original::of(message);
    let about = original.as_ref().and_then(Original::about);
    Ok(about.map_or("letter without original", |_| "letter with original"))
}

/// The monitor takes whatever stands in its streams.
fn projected(bytes: &[u8]) -> Result<(), String> {
    for stream in SOURCES {
        let record = decode(Stored {
            stream,
            sequence: 7,
            stored_at_ms: 1,
            headers: None,
            payload: bytes,
        });
        let fits = match (&record.content, stream) {
            (Content::Unreadable, _) => true,
            (Content::Journal(entries), Stream::Journal) => {
                JournalBatch::decode(bytes).is_ok_and(|batch| batch.entries == *entries)
            }
            (Content::DeadLetter(letter), Stream::DeadLetters) => !letter.dead_letter_id.is_empty(),
            (Content::Outcome { outcome, .. }, Stream::Outcomes) => outcome.event.is_some(),
            _ => false,
        };
        if !fits || record.sequence != 7 {
            return Err(format!("{}: {record:?}", stream.name()));
        }
    }
    Ok(())
}
