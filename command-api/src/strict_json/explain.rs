//! Naming everything that is wrong with a body, by its type's schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::problem::{FieldCode, FieldError, FieldFault, Problem, catalogue};
use crate::text_formats::check_of;

use super::node::Node;

/// The most faults that are named; a body of a thousand wrong entries needs no thousand lines.
const MAX_ERRORS: usize = 100;

/// Explains why a body is not a `T`.
pub fn explain<T: DeserializeOwned + Type>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let node: Node = match serde_json::from_slice(bytes) {
        Ok(node) => node,
        Err(error) => return malformed(bytes, &error),
    };
    let mut registry = Registry::new();
    T::register(&mut registry);
    let mut explanation = Explanation {
        registry: &registry,
        errors: Vec::new(),
    };
    explanation.value(&T::schema_ref(), &node, "");
    let mut errors = explanation.errors;
    if errors.is_empty() {
        errors.push(single_error::<T>(bytes, error));
    }
    Problem::invalid_request(errors)
}

fn malformed(bytes: &[u8], error: &serde_json::Error) -> Problem {
    if bytes.is_empty() {
        return Problem::new(catalogue::MALFORMED_JSON, "the body is empty");
    }
    Problem::new(catalogue::MALFORMED_JSON, error.to_string()).with_context(serde_json::json!({
        "line": error.line(),
        "column": error.column(),
    }))
}

/// What the type itself says, for rules that its schema cannot express.
fn single_error<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> FieldError {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let (pointer, detail) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => (String::new(), error.to_string()),
        Err(found) => (pointer_of(found.path()), found.inner().to_string()),
    };
    let detail = match detail.rsplit_once(" at line ") {
        Some((rule, _)) => rule.to_owned(),
        None => detail,
    };
    FieldFault::new(FieldCode::InvalidFormat, detail).at_pointer(pointer)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => child(&pointer, &index.to_string()),
            Segment::Map { key } => child(&pointer, key),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        })
}

/// A pointer one step further down (RFC 6901).
fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

struct Explanation<'a> {
    registry: &'a Registry,
    errors: Vec<FieldError>,
}

impl Explanation<'_> {
    fn add(
        &mut self,
        pointer: &str,
        code: FieldCode,
        detail: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        self.add_fault(pointer, FieldFault::new(code, detail));
    }

    fn add_fault(&mut self, pointer: &str, fault: FieldFault) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(fault.at_pointer(pointer));
        }
    }

    fn value(&mut self, schema: &MetaSchemaRef, node: &Node, pointer: &str) {
        let schema = match schema {
            MetaSchemaRef::Inline(schema) => schema.as_ref(),
            MetaSchemaRef::Reference(name) => match self.registry.schemas.get(name) {
                Some(schema) => schema,
                None => return,
            },
        };
        if let [first, ..] = schema.all_of.as_slice() {
            // A reference with a description of its own.
            return self.value(first, node, pointer);
        }
        match (schema.ty, node) {
            ("object", Node::Object(entries)) => self.object(schema, entries, pointer),
            ("array", Node::List(nodes)) => self.list(schema, nodes, pointer),
            ("string", Node::Text(text)) => self.text(schema, text, pointer),
            ("integer", Node::Integer(number)) => self.integer(schema, *number, pointer),
            ("boolean", Node::Boolean) | ("", _) => {}
            _ => self.wrong_type(schema, node, pointer),
        }
    }

    fn wrong_type(&mut self, schema: &MetaSchema, node: &Node, pointer: &str) {
        let expected = match (schema.ty, schema.format) {
            ("string", Some("decimal")) => "a string of decimal digits, so that no digit is lost",
            ("string", _) => "a string",
            ("integer", _) => "a whole number",
            ("boolean", _) => "true or false",
            ("array", _) => "a list",
            _ => "an object",
        };
        let detail = format!("must be {expected}, not {}", node.type_name());
        self.add(pointer, FieldCode::WrongType, detail);
    }

    fn object(&mut self, schema: &MetaSchema, entries: &[(String, Node)], pointer: &str) {
        let known: BTreeMap<&str, &MetaSchemaRef> = schema
            .properties
            .iter()
            .map(|(name, schema)| (*name, schema))
            .collect();
        let mut seen = BTreeSet::new();
        for (key, node) in entries {
            let pointer = child(pointer, key);
            if !seen.insert(key.as_str()) {
                self.add(&pointer, FieldCode::DuplicateField, "occurs more than once");
                continue;
            }
            match (known.get(key.as_str()), &schema.additional_properties) {
                (Some(_), _) if is_absent(schema, key, node) => {}
                (Some(schema), _) => self.value(schema, node, &pointer),
                (None, Some(schema)) => self.value(schema, node, &pointer),
                (None, None) => {
                    let names: Vec<&str> = known.keys().copied().collect();
                    let detail = format!("no such field; there are: {}", names.join(", "));
                    self.add(&pointer, FieldCode::UnknownField, detail);
                }
            }
        }
        for name in &schema.required {
            if !seen.contains(name) {
                self.add(
                    &child(pointer, name),
                    FieldCode::MissingField,
                    "must be given",
                );
            }
        }
        self.count(
            entries.len(),
            schema.min_properties,
            schema.max_properties,
            pointer,
        );
    }

    fn list(&mut self, schema: &MetaSchema, nodes: &[Node], pointer: &str) {
        self.count(nodes.len(), schema.min_items, schema.max_items, pointer);
        let Some(items) = &schema.items else { return };
        for (index, node) in nodes.iter().enumerate() {
            self.value(items, node, &child(pointer, &index.to_string()));
        }
    }

    fn count(&mut self, count: usize, least: Option<usize>, most: Option<usize>, pointer: &str) {
        if let Some(most) = most.filter(|most| count > *most) {
            let detail = format!("may have at most {most} entries, not {count}");
            self.add(pointer, FieldCode::TooManyItems, detail);
        }
        if let Some(least) = least.filter(|least| count < *least) {
            let detail = format!("must have at least {least} entries");
            self.add(pointer, FieldCode::TooFewItems, detail);
        }
    }

    fn text(&mut self, schema: &MetaSchema, text: &str, pointer: &str) {
        if !schema.enum_items.is_empty() {
            if !schema.enum_items.iter().any(|item| item == text) {
                let allowed: Vec<&str> = schema
                    .enum_items
                    .iter()
                    .filter_map(|item| item.as_str())
                    .collect();
                let detail = format!("must be one of: {}", allowed.join(", "));
                self.add(pointer, FieldCode::NotAllowed, detail);
            }
            return;
        }
        let length = text.chars().count();
        let check = schema.format.and_then(check_of);
        if let Some(Err(fault)) = check.map(|check| check(text)) {
            let too_long = schema.max_length.filter(|most| length > *most);
            match too_long {
                Some(most) if fault.code == FieldCode::InvalidFormat => {
                    self.too_long(most, pointer);
                }
                _ => self.add_fault(pointer, fault),
            }
            return;
        }
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            self.too_long(most, pointer);
        }
        if let Some(least) = schema.min_length.filter(|least| length < *least) {
            let detail = format!("must have at least {least} characters");
            self.add(pointer, FieldCode::TooShort, detail);
        }
    }

    fn too_long(&mut self, most: usize, pointer: &str) {
        let detail = format!("may have at most {most} characters");
        self.add(pointer, FieldCode::TooLong, detail);
    }

    fn integer(&mut self, schema: &MetaSchema, number: i128, pointer: &str) {
        let bound = |bound: Option<f64>| -> Option<i128> { bound?.to_string().parse().ok() };
        let below = bound(schema.minimum).is_some_and(|least| number < least);
        let above = bound(schema.maximum).is_some_and(|most| number > most);
        if below || above {
            let name =
                |bound: Option<i128>| bound.map_or("…".to_owned(), |bound| bound.to_string());
            let detail = format!(
                "must be from {} to {}",
                name(bound(schema.minimum)),
                name(bound(schema.maximum))
            );
            self.add(pointer, FieldCode::OutOfRange, detail);
        }
    }
}

/// `null` stands for an optional field that is left out.
fn is_absent(schema: &MetaSchema, key: &str, node: &Node) -> bool {
    *node == Node::Null && !schema.required.contains(&key)
}

/// Reads an object of strings, refusing repeated keys, which a map alone would silently merge.
/// `null` is an empty one.
///
/// # Errors
/// Those of the deserialiser, and one that names the repeated key.
pub fn check_unique_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct UniqueKeys;
    impl<'de> Visitor<'de> for UniqueKeys {
        type Value = BTreeMap<String, String>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object of strings")
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if entries.contains_key(&key) {
                    return Err(de::Error::custom(format!("the key {key:?} occurs twice")));
                }
                entries.insert(key, value);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_any(UniqueKeys)
}
