//! Words that a simulated provider says otherwise, as they leave it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

/// A change to everything that a simulated provider says to the merchant's server: its answers, its errors
/// and its webhooks, which are signed afterwards. What really happened stays as it is.
#[derive(Clone)]
pub struct Rewriting(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Rewriting {
    /// The closure is given each body as JSON; a form is an object of texts.
    pub fn new(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    pub(super) fn apply(&self, body: &mut Value) {
        (self.0)(body);
    }

    /// A JSON text said otherwise; one that is none stays.
    pub(super) fn text(&self, text: Bytes) -> Bytes {
        match serde_json::from_slice::<Value>(&text) {
            Ok(mut body) => {
                self.apply(&mut body);
                body.to_string().into()
            }
            Err(_) => text,
        }
    }

    /// A form's fields, in their order, and those that are new behind them.
    pub(super) fn fields(&self, fields: &mut Vec<(String, String)>) {
        let pairs = fields.iter().cloned();
        let pairs: Map<String, Value> = pairs.map(|(name, value)| (name, value.into())).collect();
        let mut body = Value::Object(pairs);
        self.apply(&mut body);
        let Value::Object(mut changed) = body else {
            return;
        };
        for (name, value) in fields.iter_mut() {
            if let Some(Value::String(text)) = changed.remove(name) {
                *value = text;
            }
        }
        let new = changed.into_iter();
        fields.extend(new.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    }
}

impl fmt::Debug for Rewriting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rewriting")
    }
}
