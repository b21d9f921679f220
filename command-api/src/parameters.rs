//! Path and query parameters and headers, read as one group per operation.
//!
//! An operation's group is read by one function, [`ParameterGroup::read`], which also describes it
//! for the OpenAPI document, so that the two cannot differ. All faults of a group are collected,
//! and query parameters that no group asks for are refused: a misspelt `min_position` must not be
//! a query without one.

mod packing;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::problem::{FieldCode, FieldError, FieldFault, Problem};
use crate::text::{TextFormat, schema_of};

pub use packing::expand;
use packing::pack;

/// The longest text of any parameter, in bytes.
const MAX_PARAMETER_LENGTH: usize = 4_096;

/// A value that a parameter can carry.
pub trait Parameter: Sized {
    /// Its schema.
    fn schema() -> MetaSchema;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text.
    fn read(text: &str) -> Result<Self, FieldFault>;
}

impl<T: TextFormat> Parameter for T {
    fn schema() -> MetaSchema {
        schema_of::<T>()
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        <T as TextFormat>::read(text)
    }
}

impl Parameter for bool {
    fn schema() -> MetaSchema {
        MetaSchema::new("boolean")
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        text.parse()
            .map_err(|_| FieldFault::new(FieldCode::InvalidFormat, "must be true or false"))
    }
}

/// A parameter could not be read; why is noted in the source.
#[derive(Debug, Clone, Copy)]
pub struct Incomplete;

/// The parameters of one operation.
pub trait ParameterGroup: Sized + Send {
    /// Reads the group. Every parameter must be asked for before the first `?`, so that all
    /// faults are found.
    ///
    /// # Errors
    /// [`Incomplete`] when a parameter is missing or wrong.
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete>;
}

/// What is written down of a group.
#[derive(Default)]
pub struct Description(Vec<(Definition, MetaSchema)>);

/// Where a group's parameters come from, or what they are written down in.
pub enum ParameterSource<'a> {
    /// Collecting their descriptions.
    Describing(Description),
    /// Reading them from a request.
    Reading(RequestParameters<'a>),
}

/// A request whose parameters are being read.
pub struct RequestParameters<'a> {
    request: &'a Request,
    query: Vec<(String, String)>,
    asked: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// A parameter's name, place and meaning.
#[derive(Debug, Clone, Copy)]
struct Definition {
    name: &'static str,
    place: MetaParamIn,
    description: &'static str,
    required: bool,
}

impl ParameterSource<'_> {
    /// A part of the path.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn path<T: Parameter>(
        &mut self,
        name: &'static str,
        description: &'static str,
    ) -> Result<T, Incomplete> {
        self.optional_of(Definition {
            name,
            place: MetaParamIn::Path,
            description,
            required: true,
        })?
        .ok_or(Incomplete)
    }

    /// A query parameter that may be left out.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn query<T: Parameter>(
        &mut self,
        name: &'static str,
        description: &'static str,
    ) -> Result<Option<T>, Incomplete> {
        self.optional_of(Definition {
            name,
            place: MetaParamIn::Query,
            description,
            required: false,
        })
    }

    /// A query parameter that must be there.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn required_query<T: Parameter>(
        &mut self,
        name: &'static str,
        description: &'static str,
    ) -> Result<T, Incomplete> {
        self.optional_of(Definition {
            name,
            place: MetaParamIn::Query,
            description,
            required: true,
        })?
        .ok_or(Incomplete)
    }

    /// A header that may be left out.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn header<T: Parameter>(
        &mut self,
        name: &'static str,
        description: &'static str,
    ) -> Result<Option<T>, Incomplete> {
        self.optional_of(Definition {
            name,
            place: MetaParamIn::Header,
            description,
            required: false,
        })
    }

    /// Notes that a parameter, though readable, cannot be accepted.
    pub fn refuse(&mut self, parameter: &str, fault: FieldFault) -> Incomplete {
        if let Self::Reading(reading) = self {
            reading.errors.push(fault.at_parameter(parameter));
        }
        Incomplete
    }

    fn optional_of<T: Parameter>(
        &mut self,
        definition: Definition,
    ) -> Result<Option<T>, Incomplete> {
        match self {
            Self::Describing(parameters) => {
                parameters.0.push((definition, T::schema()));
                Err(Incomplete)
            }
            Self::Reading(reading) => reading.read(definition),
        }
    }
}

impl RequestParameters<'_> {
    fn read<T: Parameter>(&mut self, definition: Definition) -> Result<Option<T>, Incomplete> {
        let found = match self.text_of(definition) {
            Ok(Some(text)) if text.len() > MAX_PARAMETER_LENGTH => Err(FieldFault::new(
                FieldCode::TooLong,
                format!("may have at most {MAX_PARAMETER_LENGTH} bytes"),
            )),
            Ok(Some(text)) => T::read(&text).map(Some),
            Ok(None) if definition.required => Err(FieldFault::new(
                FieldCode::MissingParameter,
                "must be given",
            )),
            Ok(None) => Ok(None),
            Err(fault) => Err(fault),
        };
        found.map_err(|fault| {
            self.errors.push(fault.at_parameter(definition.name));
            Incomplete
        })
    }

    fn text_of(&mut self, definition: Definition) -> Result<Option<String>, FieldFault> {
        let name = definition.name;
        match definition.place {
            MetaParamIn::Path => Ok(self.request.raw_path_param(name).map(str::to_owned)),
            MetaParamIn::Header => {
                let mut values = self.request.headers().get_all(name).iter();
                let first = values.next();
                only_one(values.next().is_some())?;
                first
                    .map(|value| value.to_str().map(str::to_owned))
                    .transpose()
                    .map_err(|_| FieldFault::new(FieldCode::InvalidFormat, "must be ASCII"))
            }
            MetaParamIn::Query
            | MetaParamIn::Cookie
            | MetaParamIn::CookiePrivate
            | MetaParamIn::CookieSigned => {
                self.asked.push(name);
                let mut values = self.query.iter().filter(|(key, _)| key == name);
                let first = values.next();
                only_one(values.next().is_some())?;
                Ok(first.map(|(_, value)| value.clone()))
            }
        }
    }

    fn refuse_unknown(&mut self) {
        for (name, _) in &self.query {
            if !self.asked.contains(&name.as_str()) {
                let detail = if self.asked.is_empty() {
                    "there are no query parameters here".to_owned()
                } else {
                    format!(
                        "no such query parameter; there are: {}",
                        self.asked.join(", ")
                    )
                };
                let fault = FieldFault::new(FieldCode::UnknownParameter, detail);
                self.errors.push(fault.at_parameter(name.as_str()));
            }
        }
    }
}

fn only_one(repeated: bool) -> Result<(), FieldFault> {
    if repeated {
        return Err(FieldFault::new(
            FieldCode::DuplicateParameter,
            "must be given once",
        ));
    }
    Ok(())
}

/// Reads a group from a request.
///
/// # Errors
/// The problem that names every fault.
pub fn read_group<G: ParameterGroup>(request: &Request) -> Result<G, Problem> {
    let query = request.params::<Vec<(String, String)>>().map_err(|_| {
        let fault = FieldFault::new(FieldCode::InvalidFormat, "the query cannot be read");
        Problem::invalid_request(vec![fault.at_parameter("query")])
    })?;
    let mut source = ParameterSource::Reading(RequestParameters {
        request,
        query,
        asked: Vec::new(),
        errors: Vec::new(),
    });
    let group = G::read(&mut source);
    let mut errors = Vec::new();
    if let ParameterSource::Reading(mut reading) = source {
        reading.refuse_unknown();
        errors = reading.errors;
    }
    match group {
        Ok(group) if errors.is_empty() => Ok(group),
        Ok(_) | Err(Incomplete) => Err(Problem::invalid_request(errors)),
    }
}

/// Extracts a group.
#[derive(Debug)]
pub struct Parameters<G>(pub G);

impl<'a, G: ParameterGroup> ApiExtractor<'a> for Parameters<G> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let mut source = ParameterSource::Describing(Description::default());
        // Describing never yields a group.
        drop(G::read(&mut source));
        let ParameterSource::Describing(parameters) = source else {
            return None;
        };
        Some(MetaSchemaRef::Inline(Box::new(pack(&parameters.0))))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(read_group(request)?))
    }
}

/// A word of letters, digits and a few signs, such as an aggregate's id or an event's type.
#[derive(Debug)]
pub struct Word(pub String);

impl Parameter for Word {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[A-Za-z0-9_-]{1,64}$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldFault::new(
            FieldCode::InvalidFormat,
            "must be 1 to 64 letters, digits, `_` and `-`",
        ))
    }
}
