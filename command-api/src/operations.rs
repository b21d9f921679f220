//! What all operations have in common: the wrapper around the `OpenApi` derive.
//!
//! It takes parameter groups apart for the document, answers methods a path does not have with
//! `Allow`, turns errors and panics into problems, and compresses large replies. The response
//! carries the route's template, which [`crate::edge`] needs for metrics.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, header};
use poem::web::{Compress, CompressionAlgo};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Result};
use poem_openapi::OpenApi;
use poem_openapi::registry::{
    MetaApi, MetaHeader, MetaOperation, MetaPath, MetaSchema, MetaSchemaRef, Registry,
};

use crate::access::guard::{Asked, guarded};
use crate::access::{Access, requirement_of};
use crate::context::{REQUEST_ID_HEADER, RequestContext};
use crate::limits::Group;
use crate::parameters::expand;
use crate::problem::responses::too_often;
use crate::problem::{Problem, catalogue};

/// The template of the route that answered, such as `/v1/ledgers/{ledger}`.
#[derive(Debug, Clone)]
pub struct RouteTemplate(pub String);

/// A reply that is worth compressing.
#[derive(Debug, Clone, Copy)]
pub struct Compressible;

/// Methods that are answered with `Allow` where a path does not have them.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Operations with what is common to all of them.
#[derive(Clone)]
pub struct Operations<T> {
    /// The operations themselves.
    pub parts: T,
    /// Who may call them.
    pub access: Access,
}

type Methods = HashMap<Method, BoxEndpoint<'static>>;

impl<T: OpenApi> OpenApi for Operations<T> {
    fn meta() -> Vec<MetaApi> {
        let mut apis = T::meta();
        let operations = apis
            .iter_mut()
            .flat_map(|api| &mut api.paths)
            .flat_map(|path| &mut path.operations);
        for operation in operations {
            let packed = std::mem::take(&mut operation.params);
            operation.params = packed.into_iter().flat_map(expand).collect();
            let responses = &mut operation.responses.responses;
            if !responses.iter().any(|known| known.status == Some(429)) {
                responses.push(too_often());
            }
            for response in responses {
                response.headers.extend(common_headers());
            }
        }
        vec![merged(apis)]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, route_table: &mut HashMap<String, Methods>) {
        let mut routes = HashMap::new();
        self.parts.add_routes(&mut routes);
        let access = self.access;
        // Merged: several parts have operations on the same path.
        for MetaPath { path, operations } in merged(T::meta()).paths {
            let Some(methods) = routes.remove(&numbered(&path)) else {
                continue;
            };
            let guarded = methods.into_iter().map(|(method, endpoint)| {
                let operation = operation_id(&operations, &method);
                let asked = Asked {
                    operation,
                    requirement: requirement_of(operation),
                    group: Group::of(operation, &method),
                };
                (method, guarded(&access, asked, endpoint))
            });
            route_table
                .entry(named(&path))
                .or_default()
                .extend(wrap_path(&path, guarded.collect()));
        }
    }
}

/// The operation of a path with this method.
fn operation_id(operations: &[MetaOperation], method: &Method) -> &'static str {
    operations
        .iter()
        .find(|operation| operation.method == *method)
        .and_then(|operation| operation.operation_id)
        .unwrap_or_default()
}

/// One entry per path: several parts of the API may have operations on the same one.
fn merged(apis: Vec<MetaApi>) -> MetaApi {
    let mut paths: Vec<MetaPath> = Vec::new();
    for path in apis.into_iter().flat_map(|api| api.paths) {
        match paths.iter_mut().find(|known| known.path == path.path) {
            Some(known) => known.operations.extend(path.operations),
            None => paths.push(path),
        }
    }
    paths.sort_by(|left, right| left.path.cmp(&right.path));
    MetaApi { paths }
}

/// The headers of every response.
fn common_headers() -> [MetaHeader; 3] {
    let header = |name: &str, required, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    };
    [
        header(
            REQUEST_ID_HEADER,
            true,
            "The request's id: the caller's, or a new one.",
        ),
        header(
            "RateLimit-Policy",
            false,
            "The limits that the request was counted against: `q` requests in `w` seconds, by name.",
        ),
        header(
            "RateLimit",
            false,
            "How they stand: `r` more requests now, all of them in `t` seconds.",
        ),
    ]
}

fn wrap_path(template: &str, methods: Methods) -> Methods {
    let mut allowed: Vec<String> = methods.keys().map(Method::to_string).collect();
    if methods.contains_key(&Method::GET) {
        allowed.push(Method::HEAD.to_string());
    }
    allowed.sort();
    let allow = HeaderValue::from_str(&allowed.join(", ")).ok();
    let mut wrapped: Methods = methods
        .into_iter()
        .map(|(method, endpoint)| (method, observed(template, endpoint)))
        .collect();
    for method in METHODS {
        if !allowed.contains(&method.to_string()) {
            let refusal = NotAllowed {
                allow: allow.clone(),
            };
            wrapped.insert(method, observed(template, refusal));
        }
    }
    wrapped
}

/// The derive registers `/ledgers/{ledger}` as `/ledgers/:param0`.
fn numbered(template: &str) -> String {
    let mut count = 0;
    with_parameters(template, |_| {
        let name = format!(":param{count}");
        count += 1;
        name
    })
}

/// Routes carry the parameters' names, which the groups read: `/ledgers/:ledger`.
fn named(template: &str) -> String {
    with_parameters(template, |name| format!(":{name}"))
}

fn with_parameters(template: &str, mut write: impl FnMut(&str) -> String) -> String {
    let segments: Vec<String> = template
        .split('/')
        .map(|segment| {
            let parameter = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            parameter.map_or_else(|| segment.to_owned(), &mut write)
        })
        .collect();
    segments.join("/")
}

/// An endpoint that never fails and names its route.
pub fn observed<E>(template: &str, endpoint: E) -> BoxEndpoint<'static>
where
    E: Endpoint + 'static,
    E::Output: IntoResponse,
{
    Observed {
        template: RouteTemplate(template.to_owned()),
        endpoint,
    }
    .boxed()
}

struct Observed<E> {
    template: RouteTemplate,
    endpoint: E,
}

impl<E> Endpoint for Observed<E>
where
    E: Endpoint,
    E::Output: IntoResponse,
{
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let instance = request
            .data::<RequestContext>()
            .map(RequestContext::instance);
        let accepts_gzip = accepts_gzip(&request);
        let called = AssertUnwindSafe(self.endpoint.call(request)).catch_unwind();
        let mut response = match called.await {
            Ok(Ok(reply)) => reply.into_response(),
            Ok(Err(error)) => Problem::from_poem(error).to_response(instance),
            Err(panic) => panicked(panic.as_ref()).to_response(instance),
        };
        if accepts_gzip && response.data::<Compressible>().is_some() {
            let varying = HeaderValue::from_static("accept-encoding");
            response.headers_mut().insert(header::VARY, varying);
            response = Compress::new(response, CompressionAlgo::GZIP).into_response();
        }
        response.set_data(self.template.clone());
        Ok(response)
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic.message = message, "a request's handler panicked");
    Problem::new(
        catalogue::INTERNAL_FAULT,
        "the request failed inside Daybook",
    )
}

/// Whether the caller takes gzip; a coding with `q=0` is one it does not take.
fn accepts_gzip(request: &Request) -> bool {
    request
        .headers()
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            is_gzip
                && !parts
                    .any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

struct NotAllowed {
    allow: Option<HeaderValue>,
}

impl Endpoint for NotAllowed {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let problem = Problem::new(
            catalogue::METHOD_NOT_ALLOWED,
            format!("the path does not have the method {}", request.method()),
        );
        Err(match &self.allow {
            Some(allow) => problem.with_allow(allow.clone()),
            None => problem,
        }
        .into())
    }
}
