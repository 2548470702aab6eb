//! Mapping documents: what is refused is named, and what is taken maps orders the same way twice.

use std::collections::BTreeMap;

use domain::account::account;
use domain::mapping::{BUILT_IN_DOCUMENT, FaultCode, Mapping};
use domain::order::Order;
use domain::policy::Policy;
use domain::validate::read_order;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::books;
use crate::bytes::{Raw, pick, spoiled_text};
use crate::run::Target;
use crate::structure;

/// Holds the example that people start from.
const PAGE: &str = include_str!("../../../docs/mapping.md");
/// Faults that concern a document as a whole and have no place in it.
const WHOLE: [FaultCode; 4] = [
    FaultCode::Syntax,
    FaultCode::TooLarge,
    FaultCode::WrongForm,
    FaultCode::MissingKey,
];
/// Faults reported at once.
const FAULTS_MAX: usize = 100;
/// Orders that each accepted document maps.
const ORDERS: usize = 3;

/// Mapping documents, as text and as trees.
#[derive(Debug)]
pub struct Documents {
    texts: Vec<String>,
    trees: Vec<Value>,
    orders: Vec<Order>,
}

impl Documents {
    /// The built-in document and the page's examples, with orders of the corpus.
    ///
    /// # Errors
    /// When a seed is not what it should be.
    pub fn new() -> Result<Self, String> {
        let examples = PAGE.split("```yaml\n").skip(1);
        let examples = examples.filter_map(|part| part.split("```").next());
        let mut texts = vec![BUILT_IN_DOCUMENT.to_owned()];
        texts.extend(
            examples
                .filter(|text| text.starts_with("format:"))
                .map(str::to_owned),
        );
        if texts.len() < 2 {
            return Err("docs/mapping.md has no whole example any more".to_owned());
        }
        let tree = |text: &String| {
            Mapping::from_document(text).map_err(|faults| format!("a seed: {faults:?}"))?;
            serde_yaml_ng::from_str(text).map_err(|error| format!("a seed: {error}"))
        };
        let trees = texts.iter().map(tree).collect::<Result<_, String>>()?;
        let documents = corpus::fuzz::seeds()?;
        let read = documents
            .iter()
            .filter_map(|document| read_order(document).ok());
        let orders: Vec<Order> = read.map(|read| read.order).collect();
        Ok(Self {
            texts,
            trees,
            orders,
        })
    }
}

/// A document, and which orders it is tried on.
#[derive(Clone, Debug)]
pub struct Tried {
    document: Raw,
    from: usize,
}

impl Target for Documents {
    const NAME: &'static str = "mappings";
    type Input = Tried;

    fn input(&self, chance: &mut StdRng) -> Tried {
        let from = chance.random_range(0..self.orders.len());
        let document = if chance.random_range(0..3) == 0 {
            spoiled_text(&self.texts, chance)
        } else {
            let mut tree = pick(&self.trees, chance).clone();
            let donor = pick(&self.trees, chance);
            structure::spoil(&mut tree, donor, chance);
            structure::text(&tree, donor, chance)
        };
        Tried {
            document: Raw(document),
            from,
        }
    }

    fn check(&self, tried: &Tried) -> Result<&'static str, String> {
        let text = tried.document.text();
        let mapping = match Mapping::from_document(&text) {
            Ok(mapping) => mapping,
            Err(faults) => return refusal(&faults).map(|()| "refused"),
        };
        let again = Mapping::from_document(&text).map(|again| again.hash().to_owned());
        if again.as_deref() != Ok(mapping.hash()) || mapping.hash().len() != 64 {
            return Err(format!("hash {} and then {again:?}", mapping.hash()));
        }
        let policy = Policy::default();
        for order in self.orders.iter().cycle().skip(tried.from).take(ORDERS) {
            let mapped = account(order, false, &policy, &mapping);
            if mapped != account(order, false, &policy, &mapping) {
                return Err(format!("order {} is mapped in two ways", order.id));
            }
            match mapped {
                Ok(books) => books::add_up(&books)?,
                Err(holds) => books::named(holds.iter().map(|hold| (hold.code, &*hold.message)))?,
            }
            let fields: BTreeMap<String, String> = mapping.client_fields(order);
            if fields.keys().any(String::is_empty) {
                return Err("a client's field has no name".to_owned());
            }
        }
        Ok("accepted")
    }
}

fn refusal(faults: &[domain::mapping::MappingFault]) -> Result<(), String> {
    if faults.is_empty() || faults.len() > FAULTS_MAX {
        return Err(format!("refused with {} faults", faults.len()));
    }
    let nameless = faults.iter().find(|fault| {
        fault.message.is_empty() || (fault.path.is_empty() && !WHOLE.contains(&fault.code))
    });
    nameless.map_or(Ok(()), |fault| {
        Err(format!("a fault without a name: {fault:?}"))
    })
}
