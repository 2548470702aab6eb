//! The document inside a snapshot, as it was before it was compressed.
//!
//! Not here: what the document says (`domain::validate`).

use std::borrow::Cow;

use crate::order::{Encoding, OrderSnapshot};

/// The largest document that is read, after decompression.
pub const DOCUMENT_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// The document cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("the document cannot be decompressed: {0}")]
    NotReadable(#[source] std::io::Error),
    #[error("the document has {0} bytes, the most is {DOCUMENT_BYTES_MAX}")]
    TooLarge(u32),
    #[error("the snapshot's encoding is unknown; was it written by a newer version?")]
    UnknownEncoding,
}

/// The document's bytes, decompressed within [`DOCUMENT_BYTES_MAX`].
pub fn read(snapshot: &OrderSnapshot) -> Result<Cow<'_, [u8]>, DocumentError> {
    match snapshot.encoding() {
        Encoding::Identity => Ok(Cow::Borrowed(&snapshot.document)),
        Encoding::Zstd if snapshot.document_bytes <= DOCUMENT_BYTES_MAX => {
            let capacity = usize::try_from(snapshot.document_bytes).unwrap_or(usize::MAX);
            zstd::bulk::decompress(&snapshot.document, capacity)
                .map(Cow::Owned)
                .map_err(DocumentError::NotReadable)
        }
        Encoding::Zstd => Err(DocumentError::TooLarge(snapshot.document_bytes)),
        Encoding::Unspecified => Err(DocumentError::UnknownEncoding),
    }
}
