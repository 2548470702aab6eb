//! Lives of orders, each moment's books worked out once: the kinds of the BigCommerce sandbox
//! through the real accounting, under several policies.
//!
//! Only lives whose every moment makes a plan are taken: what the accounting holds never reaches
//! the stages under test.

use domain::account::{account, gone};
use domain::books::{DesiredBooks, DesiredClient};
use domain::mapping::Mapping;
use domain::policy::{Policy, RefundMode, ShippingMode};
use domain::validate::read_order;
use sandbox::bigcommerce::corpus::{Settings, Shop, classes};

/// The life of one order.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) class: &'static str,
    pub(crate) order_id: String,
    /// From the moment it was placed to its last.
    pub(crate) states: Vec<DesiredBooks>,
}

/// Every life there is to choose from.
#[derive(Clone, Debug)]
pub struct Library {
    pub(crate) stories: Vec<Story>,
}

/// Kinds that are about size, or whose lives end with a person: what they would show here, the
/// other kinds show too.
const LEFT_OUT: [&str; 1] = ["thousand_lines"];

impl Library {
    /// Makes the library; the same each time.
    ///
    /// # Errors
    /// When a kind foresees what cannot be done.
    pub fn new() -> anyhow::Result<Self> {
        let shop = Shop::new(&Settings {
            tax_inclusive: false,
            currency: "USD".to_owned(),
            no_rounding: false,
            time_zone: "America/New_York".to_owned(),
        });
        let policies = policies();
        let mapping = Mapping::built_in();
        let mut stories = Vec::new();
        let kinds = classes().filter(|class| !LEFT_OUT.contains(&class.name));
        for (class, policy) in kinds.zip(policies.iter().cycle()) {
            let story = shop.story(class.name, 7).map_err(anyhow::Error::msg)?;
            let mut order_id = None;
            let states: Option<Vec<DesiredBooks>> = story
                .iter()
                .map(|moment| match &moment.document {
                    Some(document) => {
                        let order = read_order(document).ok()?.order;
                        order_id = Some(order.id);
                        account(&order, false, policy, &mapping).ok()
                    }
                    None => Some(gone(order_id?, policy)),
                })
                .collect();
            let (Some(states), Some(order_id)) = (states, order_id) else {
                continue;
            };
            let is_in_dollars = states.iter().all(|books| {
                let code = books.invoice.expected_total.currency.code();
                code == "USD" || books.invoice.lines.is_empty()
            });
            if is_in_dollars {
                stories.push(Story {
                    class: class.name,
                    order_id: order_id.to_string(),
                    states,
                });
            }
        }
        Ok(Self { stories })
    }
}

/// In turn, so that each way of booking is met.
fn policies() -> [Policy; 3] {
    let usual = Policy::default();
    [
        usual.clone(),
        Policy {
            refund: RefundMode::Expense("Supplies".to_owned()),
            shipping: ShippingMode::Expense("Shipping".to_owned()),
            ..usual.clone()
        },
        Policy {
            refund: RefundMode::Adjust,
            ..usual
        },
    ]
}

/// One of a few shoppers, so that orders share theirs.
pub(crate) fn shopper(number: u64) -> DesiredClient {
    let email = format!("shopper{number}@example.com");
    let fields = [
        ("email", email.as_str()),
        ("fname", "Sam"),
        ("lname", "Shopper"),
    ];
    DesiredClient {
        email_key: Some(email.clone()),
        // Some are customers and some are guests.
        customer_id: (number > 0).then_some(number),
        name_key: None,
        fields: fields
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
    }
}
