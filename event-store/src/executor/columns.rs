//! Columns of text in PostgreSQL's binary array format, filled in place.
//!
//! An append sends each column as one array parameter. Writing the elements straight into the
//! parameter's bytes saves an allocation and a copy per value, of which a row has eight.
//!
//! Format: `array_recv` in PostgreSQL's `src/backend/utils/adt/arrayfuncs.c`: number of dimensions,
//! whether there are NULLs, the element type's OID, then length and lower bound of the dimension,
//! then each element's length and bytes; all numbers are 32 bits, big-endian.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

/// The OID of `text`, the same in every PostgreSQL.
const TEXT: u32 = 25;

/// A `text[]` parameter.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    elements: Vec<u8>,
    count: u32,
}

impl TextColumn {
    /// The number of elements.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) {
        // Writing to memory does not fail, and no text here comes near 4 GiB.
        drop(self.element(|bytes| bytes.write_all(text.as_bytes())));
    }

    /// Adds what is displayed.
    pub(super) fn push_display(&mut self, value: &impl Display) {
        drop(self.element(|bytes| write!(bytes, "{value}")));
    }

    /// Adds JSON.
    ///
    /// # Errors
    /// Those of `write`; nothing was added.
    pub(super) fn push_json(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<(), serde_json::Error> {
        self.element(|bytes| write(bytes).map_err(io::Error::from))
            .map_err(serde_json::Error::io)
    }

    /// Adds a value as JSON.
    ///
    /// # Errors
    /// Those of its serialisation; nothing was added.
    pub(super) fn push_as_json(&mut self, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.push_json(|bytes| serde_json::to_writer(bytes, value))
    }

    /// Takes elements back until so many are left.
    pub(super) fn truncate(&mut self, count: u32) {
        if count == 0 {
            self.elements.clear();
            self.count = 0;
            return;
        }
        let mut kept = 0;
        for _ in 0..count.min(self.count) {
            let length = self.elements.get(kept..kept + 4).unwrap_or_default();
            let length = <[u8; 4]>::try_from(length).map_or(0, u32::from_be_bytes);
            kept += 4 + usize::try_from(length).unwrap_or(usize::MAX);
        }
        self.elements.truncate(kept);
        self.count = self.count.min(count);
    }

    fn element(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let start = self.elements.len();
        self.elements.extend_from_slice(&[0; 4]);
        let written = write(&mut self.elements).and_then(|()| {
            u32::try_from(self.elements.len() - start - 4).map_err(io::Error::other)
        });
        match written {
            Ok(length) => {
                self.elements[start..start + 4].copy_from_slice(&length.to_be_bytes());
                self.count += 1;
                Ok(())
            }
            Err(error) => {
                self.elements.truncate(start);
                Err(error)
            }
        }
    }
}

impl Type<Postgres> for TextColumn {
    fn type_info() -> PgTypeInfo {
        <Vec<String> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for TextColumn {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let (dimensions, nulls, lower_bound): (u32, u32, u32) = (1, 0, 1);
        buffer.reserve(20 + self.elements.len());
        for number in [dimensions, nulls, TEXT, self.count, lower_bound] {
            buffer.extend_from_slice(&number.to_be_bytes());
        }
        buffer.extend_from_slice(&self.elements);
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<'q>(value: impl Encode<'q, Postgres>) -> Vec<u8> {
        let mut buffer = PgArgumentBuffer::default();
        let _ = value.encode_by_ref(&mut buffer).unwrap();
        buffer.to_vec()
    }

    #[test]
    fn a_column_is_encoded_as_sqlx_encodes_a_vector_of_strings() {
        let texts = ["", "plain", "žluťoučký", "{\"a\":\"b\\n\"}"];
        let mut column = TextColumn::default();
        for text in texts {
            column.push(text);
        }
        assert_eq!(encoded(&column), encoded(texts.map(str::to_owned).to_vec()));
    }

    #[test]
    fn displayed_and_json_values_are_elements_like_any_other() {
        let mut column = TextColumn::default();
        column.push_display(&12.5);
        column.push_as_json(&["a", "b"]).unwrap();
        let texts = vec!["12.5".to_owned(), "[\"a\",\"b\"]".to_owned()];
        assert_eq!(encoded(&column), encoded(texts));
    }

    #[test]
    fn what_cannot_be_written_leaves_no_trace() {
        let mut column = TextColumn::default();
        column.push("kept");
        let keys_that_are_no_text = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(column.push_as_json(&keys_that_are_no_text).is_err());
        assert_eq!(encoded(&column), encoded(vec!["kept".to_owned()]));
    }

    #[test]
    fn elements_can_be_taken_back() {
        let mut column = TextColumn::default();
        for text in ["one", "two", "three"] {
            column.push(text);
        }
        column.truncate(1);
        assert_eq!(column.count(), 1);
        assert_eq!(encoded(&column), encoded(vec!["one".to_owned()]));
        column.truncate(5);
        assert_eq!(column.count(), 1);
    }
}
