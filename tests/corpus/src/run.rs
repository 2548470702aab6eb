//! The run: every class in every setting, each order's whole life, three rounding models.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::books::{DesiredBooks, Disposition};
use domain::mapping::Mapping;
use domain::policy::{DiscountMode, Policy, TaxMode};
use sandbox::bigcommerce::corpus::{Class, Moment, Settings, Shop, classes};

use crate::expect::{may_be_held, must_tell};
use crate::judge::{MODELS, Verdict, books_of, judge};

/// Currencies of two, no and three decimals.
pub const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "CAD", "JPY", "KRW", "KWD", "CHF"];

/// How the orders of one class ended, by rounding model.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub orders: u64,
    /// States of those orders, the last one of each included.
    pub states: u64,
    /// Of [`MODELS`], in their order.
    pub models: [Counts; 3],
    /// Hold codes, with how many states each held.
    pub holds: BTreeMap<Cow<'static, str>, u64>,
}

/// States that ended in each way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub exact: u64,
    pub with_rounding: u64,
    pub held: u64,
    pub absent: u64,
    /// Booked with the right total and a tax that is off by its rounding line.
    pub tax_off: u64,
    pub largest_rounding_minor: u64,
    pub largest_tax_off_minor: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, more: &Self) {
        self.exact += more.exact;
        self.with_rounding += more.with_rounding;
        self.held += more.held;
        self.absent += more.absent;
        self.tax_off += more.tax_off;
        let largest = self.largest_rounding_minor;
        self.largest_rounding_minor = largest.max(more.largest_rounding_minor);
        let largest = self.largest_tax_off_minor;
        self.largest_tax_off_minor = largest.max(more.largest_tax_off_minor);
    }
}

impl Tally {
    fn add(&mut self, more: &Self) {
        self.states += more.states;
        for (sum, more) in self.models.iter_mut().zip(&more.models) {
            sum.add(more);
        }
        for (code, count) in &more.holds {
            *self.holds.entry(code.clone()).or_default() += count;
        }
    }
}

/// A state that nothing explains.
#[derive(Clone, Debug)]
pub struct Unexplained {
    pub class: &'static str,
    pub seed: u64,
    pub settings: String,
    pub why: String,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// By class, in teaching order.
    pub classes: Vec<(Class, Tally)>,
    pub unexplained: Vec<Unexplained>,
    /// States under the default policy, by the store's tax setting and rounding strategy.
    pub settings: BTreeMap<String, [Counts; 3]>,
    /// Orders that were judged.
    pub orders: u64,
    pub currencies: usize,
}

/// Judges `orders` orders, every class in turn, under the default policy and three others.
///
/// # Errors
/// When a class foresees what cannot be done.
pub fn run(orders: u64, seed: u64) -> Result<Report, String> {
    let shops = shops();
    let policies = policies();
    let mapping = Mapping::built_in();
    let all: Vec<Class> = classes().collect();
    let mut report = Report {
        classes: all.iter().map(|class| (*class, Tally::default())).collect(),
        currencies: CURRENCIES.len(),
        ..Report::default()
    };
    for number in 0..orders {
        let turn = number / all.len() as u64;
        let Some(at) = usize::try_from(number % all.len() as u64).ok() else {
            continue;
        };
        let Some((class, tally)) = report.classes.get_mut(at) else {
            continue;
        };
        // Each class meets every setting in turn.
        let shop = (turn + at as u64) % shops.len() as u64;
        let Some((words, shop)) = usize::try_from(shop).ok().and_then(|at| shops.get(at)) else {
            continue;
        };
        let own = seed.wrapping_add(number);
        let story = shop.story(class.name, own)?;
        tally.orders += 1;
        report.orders += 1;
        for (policy_words, policy) in &policies {
            let mut own_tally = Tally::default();
            let whys = life(*class, &mut own_tally, &story, policy, &mapping);
            if policy_words.is_empty() {
                let setting = words.split_once(' ').map_or("", |(_, setting)| setting);
                let of_setting = report.settings.entry(setting.to_owned()).or_default();
                for (sum, more) in of_setting.iter_mut().zip(&own_tally.models) {
                    sum.add(more);
                }
                tally.add(&own_tally);
            }
            for why in whys {
                report.unexplained.push(Unexplained {
                    class: class.name,
                    seed: own,
                    settings: format!("{words} {policy_words}").trim().to_owned(),
                    why,
                });
            }
        }
    }
    Ok(report)
}

/// Both tax settings, both rounding strategies, every currency.
fn shops() -> Vec<(String, Shop)> {
    let mut shops = Vec::new();
    for no_rounding in [false, true] {
        for currency in CURRENCIES {
            for tax_inclusive in [false, true] {
                let time_zone = if tax_inclusive {
                    "Europe/Berlin"
                } else {
                    "America/New_York"
                };
                let words = format!(
                    "{currency} {} {}",
                    if tax_inclusive {
                        "inclusive"
                    } else {
                        "exclusive"
                    },
                    if no_rounding {
                        "NO_ROUNDING"
                    } else {
                        "RATE_ROUNDING"
                    },
                );
                let shop = Shop::new(&Settings {
                    tax_inclusive,
                    currency: currency.to_owned(),
                    no_rounding,
                    time_zone: time_zone.to_owned(),
                });
                shops.push((words, shop));
            }
        }
    }
    shops
}

/// The default policy first; its words are empty.
fn policies() -> [(&'static str, Policy); 4] {
    let base = Policy::default;
    [
        ("", base()),
        (
            "tax=amount",
            Policy {
                tax: TaxMode::Amount,
                ..base()
            },
        ),
        (
            "discount=net",
            Policy {
                discount: DiscountMode::Net,
                ..base()
            },
        ),
        (
            "tax=amount discount=net",
            Policy {
                tax: TaxMode::Amount,
                discount: DiscountMode::Net,
                ..base()
            },
        ),
    ]
}

/// Judges every state of one order; says what nothing explains.
fn life(
    class: Class,
    tally: &mut Tally,
    story: &[Moment],
    policy: &Policy,
    mapping: &Mapping,
) -> Vec<String> {
    let mut unexplained = Vec::new();
    let mut stood = false;
    for (n, moment) in story.iter().enumerate() {
        let is_last = n + 1 == story.len();
        let books = books_of(moment.document.as_ref(), policy, mapping);
        tally.states += 1;
        for (at, model) in MODELS.into_iter().enumerate() {
            let verdict = judge(moment, &books, model);
            // An order that leaves the store's lists leaves its invoice where it stands.
            let stands = stood && verdict == Verdict::Absent && is_left_alone(&books);
            let why = explained(class, &verdict, is_last).filter(|_| !stands);
            let why = why.or_else(|| untold(class, &verdict, &books));
            if let Some(why) = why {
                unexplained.push(format!("{} ({model:?}): {why}", moment.what));
            }
            count(tally, at, &verdict);
            if at + 1 == MODELS.len() {
                stood = matches!(verdict, Verdict::Booked(_));
            }
        }
    }
    unexplained
}

/// Whether what was written before stays as it is.
fn is_left_alone(books: &Result<DesiredBooks, Vec<&'static str>>) -> bool {
    let nothing = |books: &DesiredBooks| matches!(books.disposition, Disposition::Nothing(_));
    books.as_ref().is_ok_and(nothing)
}

/// Why a verdict is not what its class expects; nothing when it is.
fn explained(class: Class, verdict: &Verdict, is_last: bool) -> Option<String> {
    match verdict {
        Verdict::Wrong(why) => Some(why.clone()),
        Verdict::Held(codes) => {
            let odd = codes.iter().find(|code| !may_be_held(class.name, code))?;
            Some(format!("held as {odd}, which this class does not expect"))
        }
        Verdict::Absent if is_last && class.in_books => Some("not in the books".to_owned()),
        Verdict::Booked(_) if is_last && !class.in_books => {
            Some("in the books although none belongs there".to_owned())
        }
        Verdict::Absent | Verdict::Booked(_) => None,
    }
}

/// The word of the document that no notice names, where the class must be told of.
fn untold(
    class: Class,
    verdict: &Verdict,
    books: &Result<DesiredBooks, Vec<&'static str>>,
) -> Option<String> {
    let word = must_tell(class.name).filter(|_| matches!(verdict, Verdict::Booked(_)))?;
    let notices = books.as_ref().map(|books| books.notices.as_slice());
    let told = notices
        .unwrap_or_default()
        .iter()
        .any(|one| one.contains(word));
    (!told).then(|| format!("booked, and no notice names {word:?}"))
}

fn count(tally: &mut Tally, model: usize, verdict: &Verdict) {
    if let Verdict::Held(codes) = verdict {
        for code in codes {
            *tally.holds.entry(code.clone()).or_default() += 1;
        }
    }
    let Some(counts) = tally.models.get_mut(model) else {
        return;
    };
    match verdict {
        Verdict::Booked(booked) => {
            if booked.rounding_minor == 0 {
                counts.exact += 1;
            } else {
                counts.with_rounding += 1;
            }
            counts.tax_off += u64::from(booked.tax_off_minor > 0);
            counts.largest_rounding_minor =
                counts.largest_rounding_minor.max(booked.rounding_minor);
            counts.largest_tax_off_minor = counts.largest_tax_off_minor.max(booked.tax_off_minor);
        }
        Verdict::Held(_) => counts.held += 1,
        Verdict::Absent => counts.absent += 1,
        Verdict::Wrong(_) => {}
    }
}
