//! The metrics of a process, read as a scraper would.

use anyhow::Context;
use testkit::{House, Tillbook};

/// One scrape of one process.
#[derive(Clone, Debug)]
pub struct Metrics(pub String);

impl Metrics {
    /// Scrapes a running service of the house.
    pub async fn of(house: &House, service: &str) -> anyhow::Result<Self> {
        let process: &Tillbook = house
            .service(service)
            .with_context(|| format!("no {service}"))?;
        let url = format!("{}/metrics", process.ready.admin);
        Ok(Self(house.http.text(&url).await?))
    }

    /// The sum of a metric's samples that carry all these labels, written `name="value"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let samples = self.0.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        values.sum()
    }
}

/// The sum of a counter's samples in one service of the house.
pub async fn counter(
    house: &House,
    service: &str,
    name: &str,
    labels: &[&str],
) -> anyhow::Result<u64> {
    Ok(Metrics::of(house, service).await?.sum(name, labels))
}
