//! A receiver of webhooks, and a browser.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::Utc;
use connectors::gateways::{Gateway, Observation, WebhookContent, WebhookDelivery, WebhookFacts};
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{EndpointExt, IntoResponse, Response, handler};

/// A webhook as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Desk {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<StatusCode>>,
}

/// A server that keeps what it is told.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
    task: tokio::task::JoinHandle<()>,
}

#[handler]
async fn take(
    poem::web::Data(desk): poem::web::Data<&Arc<Desk>>,
    request: &poem::Request,
    body: Vec<u8>,
) -> Response {
    desk.received.lock().unwrap().push(Received {
        headers: request.headers().clone(),
        body,
    });
    let answer = desk.answers.lock().unwrap().pop_front();
    answer.unwrap_or(StatusCode::OK).into_response()
}

impl Receiver {
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let desk = Arc::new(Desk::default());
        let endpoint = poem::Route::new()
            .at("/*path", take)
            .data(Arc::clone(&desk));
        let server = poem::Server::new_with_acceptor(acceptor);
        let task = tokio::spawn(async move { server.run(endpoint).await.unwrap() });
        Self {
            address,
            desk,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    /// The next deliveries are answered so.
    pub fn answer(&self, statuses: &[StatusCode]) {
        self.desk.answers.lock().unwrap().extend(statuses);
    }

    pub fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }

    /// What the genuine ones of all that came tell, in the order in which they came.
    pub fn facts(&self, gateway: &dyn Gateway) -> Vec<WebhookFacts> {
        let received = self.received();
        let verified = received.iter().map(|received| verify(gateway, received));
        verified.filter_map(Result::ok).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn verify(
    gateway: &dyn Gateway,
    received: &Received,
) -> Result<WebhookFacts, connectors::gateways::WebhookRejection> {
    gateway.verify_webhook(&WebhookDelivery {
        body: &received.body,
        headers: &received.headers,
        received_at: Utc::now(),
    })
}

/// What a webhook tells, which must be something.
pub fn observations(facts: &WebhookFacts) -> &[Observation] {
    match &facts.content {
        WebhookContent::Observations(observations)
        | WebhookContent::CannotBeConfirmed(observations) => observations,
        other => panic!("{}: {other:?}", facts.event_type),
    }
}

/// What a browser was answered.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub location: Option<String>,
    pub html: String,
}

async fn fetch(method: Method, url: &str, body: String) -> Page {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    let location = response.headers().get(LOCATION);
    let location = location.map(|value| value.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Page {
        status,
        location,
        html: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub async fn open(url: &str) -> Page {
    fetch(Method::GET, url, String::new()).await
}

pub async fn submit(url: &str, fields: &[(String, String)]) -> Page {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    fetch(Method::POST, url, body).await
}

/// The hidden fields of a page's form.
pub fn hidden(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input type=\"hidden\" name=\"").skip(1);
    let fields = inputs.map(|input| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        (plain(name), plain(value))
    });
    fields.collect()
}

/// Where a page's form goes.
pub fn action(html: &str) -> String {
    let (_, rest) = html.split_once("action=\"").unwrap();
    plain(rest.split_once('"').unwrap().0)
}

fn plain(html: &str) -> String {
    html.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// Posts JSON and gives the status.
pub async fn command(url: &str, body: &serde_json::Value) -> u16 {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    client.request(request).await.unwrap().status().as_u16()
}
