//! Errors as log records take them: with their sources.

use std::error::Error;

/// The error as `tracing` records it.
pub(crate) fn cause(error: &(impl Error + 'static)) -> &(dyn Error + 'static) {
    error
}
