//! How a group travels through `poem-openapi`, which lets an extractor describe one parameter.

use poem_openapi::registry::{MetaOperationParam, MetaParamIn, MetaSchema, MetaSchemaRef};

use super::Definition;

/// Marks the schema of a group until [`expand`] takes it apart.
const GROUP_MARK: &str = "daybook-parameter-group";

/// An extractor can describe one parameter only; a group travels as the schema of an object whose
/// properties are the parameters, each with its place as title.
pub(super) fn pack(parameters: &[(Definition, MetaSchema)]) -> MetaSchema {
    let carried = |(definition, schema): &(Definition, MetaSchema)| {
        let schema = MetaSchema {
            title: Some(place_name(definition.place).to_owned()),
            description: Some(definition.description),
            one_of: vec![MetaSchemaRef::Inline(Box::new(schema.clone()))],
            ..MetaSchema::ANY
        };
        (definition.name, MetaSchemaRef::Inline(Box::new(schema)))
    };
    MetaSchema {
        title: Some(GROUP_MARK.to_owned()),
        properties: parameters.iter().map(carried).collect(),
        required: parameters
            .iter()
            .filter(|(definition, _)| definition.required)
            .map(|(definition, _)| definition.name)
            .collect(),
        ..MetaSchema::ANY
    }
}

/// Takes a group apart into its parameters; anything else stays as it is.
#[must_use]
pub fn expand(parameter: MetaOperationParam) -> Vec<MetaOperationParam> {
    let group = match &parameter.schema {
        MetaSchemaRef::Inline(schema) if schema.title.as_deref() == Some(GROUP_MARK) => {
            schema.as_ref().clone()
        }
        MetaSchemaRef::Inline(_) | MetaSchemaRef::Reference(_) => return vec![parameter],
    };
    let MetaSchema {
        properties,
        required,
        ..
    } = group;
    properties
        .into_iter()
        .filter_map(|(name, schema)| {
            let MetaSchemaRef::Inline(carried) = schema else {
                return None;
            };
            let MetaSchema {
                title,
                description,
                one_of,
                ..
            } = *carried;
            Some(MetaOperationParam {
                name: name.to_owned(),
                schema: one_of.into_iter().next()?,
                in_type: place_of(title.as_deref()),
                description: description.map(str::to_owned),
                required: required.contains(&name),
                deprecated: false,
                explode: true,
                style: None,
            })
        })
        .collect()
}

const PATH: &str = "path";
const HEADER: &str = "header";

const fn place_name(place: MetaParamIn) -> &'static str {
    match place {
        MetaParamIn::Path => PATH,
        MetaParamIn::Header => HEADER,
        MetaParamIn::Query
        | MetaParamIn::Cookie
        | MetaParamIn::CookiePrivate
        | MetaParamIn::CookieSigned => "query",
    }
}

fn place_of(name: Option<&str>) -> MetaParamIn {
    match name {
        Some(PATH) => MetaParamIn::Path,
        Some(HEADER) => MetaParamIn::Header,
        _ => MetaParamIn::Query,
    }
}
