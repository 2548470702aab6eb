//! Orders: what they are made of, their arithmetic, and how the API shows them.

pub(crate) mod build;
pub(crate) mod discounts;
pub(crate) mod dress;
pub(crate) mod edit;
pub(crate) mod later;
pub(crate) mod list;
pub(crate) mod model;
pub(crate) mod pay;
pub(crate) mod refund;
pub(crate) mod refund_by_merchant;
pub(crate) mod render;
pub(crate) mod rows;
pub(crate) mod spec;
pub(crate) mod sums;
pub(crate) mod v3;
