//! Bodies that come slowly: a piece, a pause, a piece.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};

const PIECES: u32 = 8;

/// `bytes` in pieces; the last one leaves `span` after the first was asked for.
pub(crate) fn body(bytes: Bytes, span: Duration) -> Body {
    let size = bytes.len().div_ceil(PIECES as usize).max(1);
    let count = bytes.len().div_ceil(size);
    let pieces = (0..count).map(move |n| {
        let from = n * size;
        bytes.slice(from..bytes.len().min(from + size))
    });
    let pause = span / PIECES;
    Body::from_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(piece)
    }))
}
