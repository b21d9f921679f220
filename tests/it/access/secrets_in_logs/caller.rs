//! Somebody who does everything that has a secret in it, rightly and wrongly.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, Query};
use poem::{EndpointExt, Response, Route, Server, handler, post};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::access::people::totp_now;

/// What a provider of text messages was sent, and whether it takes it.
#[derive(Default)]
pub struct Provider {
    codes: Mutex<Vec<String>>,
    is_failing: Mutex<bool>,
}

#[derive(Deserialize)]
struct Sent {
    otp: String,
    mobile: String,
}

/// When it fails, it says everything back that it was sent.
#[handler]
fn send(sent: Query<Sent>, provider: Data<&Arc<Provider>>) -> Response {
    let Query(Sent { otp, mobile }) = sent;
    provider.codes.lock().unwrap().push(otp.clone());
    let answer = if *provider.is_failing.lock().unwrap() {
        json!({ "type": "error", "message": format!("cannot send {otp} to {mobile}: no balance") })
    } else {
        json!({ "type": "success", "message": "taken" })
    };
    Response::builder()
        .content_type("application/json")
        .body(answer.to_string())
}

impl Provider {
    pub async fn start(self: &Arc<Self>) -> String {
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let routes = Route::new()
            .at("/api/v5/otp", post(send))
            .data(Arc::clone(self));
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        format!("http://{address}")
    }

    /// The next code that comes.
    pub async fn next(&self) -> String {
        for _ in 0..1_000 {
            if let Some(code) = self.codes.lock().unwrap().pop() {
                return code;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no code was sent")
    }
}

/// Somebody who does everything, and the secrets that were in it.
pub struct Caller {
    pub client: reqwest::Client,
    pub url: String,
    pub secrets: Vec<(&'static str, String)>,
}

struct Answered {
    status: u16,
    body: Value,
}

impl Answered {
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap().to_owned()
    }
}

/// The last part of `dbk_<prefix>_<random>`, which may have the character between the parts in it, too.
pub fn random_part(key: &str) -> &str {
    key.splitn(3, '_').last().unwrap()
}

impl Caller {
    pub fn secret(&mut self, name: &'static str, value: impl Into<String>) -> String {
        let value = value.into();
        assert!(value.len() >= 6, "{name}");
        self.secrets.push((name, value.clone()));
        value
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answered {
        let response = request
            .header("x-request-id", "looked-for-1")
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answered {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    async fn with(&self, method: Method, path: &str, credential: &str, body: Value) -> Answered {
        let request = self.request(method, path).bearer_auth(credential);
        self.send(request.json(&body)).await
    }

    async fn form(&self, path: &str, client: (&str, &str), form: String) -> Answered {
        let request = self
            .request(Method::POST, path)
            .basic_auth(client.0, Some(client.1))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        self.send(request).await
    }
}

pub const PHONE: &str = "+919812345678";

/// Registers, verifies and signs in, each also wrongly; an access and a refresh token.
pub async fn sign_in(caller: &mut Caller, provider: &Provider) -> (String, String) {
    let password = caller.secret("password", "lanterns over a quiet estuary");
    let wrong = caller.secret("wrong password", "marigolds along the old canal");
    let body = json!({ "phone": PHONE, "password": password });
    let registered = caller.post("/v1/people", body.clone()).await.expect(202);
    let code = caller.secret("verification code", provider.next().await);
    let path = format!("/v1/people/{}/verification", registered.text("id"));
    let other = if code == "424242" { "242424" } else { "424242" };
    let other = caller.secret("wrong code", other);
    caller
        .post(&path, json!({ "code": other }))
        .await
        .expect(422);
    caller
        .post(&path, json!({ "code": code }))
        .await
        .expect(204);
    let guess = json!({ "phone": PHONE, "password": wrong });
    caller.post("/v1/sessions", guess).await.expect(401);
    // Bodies that cannot be read have secrets in them, too.
    for text in [
        format!(r#"{{"phone": "{PHONE}", "password": "{password}""#),
        format!(r#"{{"phone": "{PHONE}", "password": ["{password}"]}}"#),
        format!(r#"{{"phone": "{PHONE}", "pasword": "{password}"}}"#),
        format!(r#"{{"phone": "{password}", "password": "{wrong}"}}"#),
    ] {
        let request = caller.request(Method::POST, "/v1/sessions").body(text);
        caller
            .send(request.header("content-type", "application/json"))
            .await
            .expect(400);
    }
    let session = caller.post("/v1/sessions", body).await.expect(201);
    let access = caller.secret("access token", session.text("access_token"));
    let refresh = caller.secret("refresh token", session.text("refresh_token"));
    (access, refresh)
}

/// Enrols an authenticator and uses it and a recovery code.
pub async fn use_factors(caller: &mut Caller, access: &str) {
    let enrolled = caller
        .with(Method::POST, "/v1/me/authenticator", access, Value::Null)
        .await;
    let secret = caller.secret("TOTP secret", enrolled.expect(201).text("secret"));
    let code = caller.secret("TOTP code", totp_now(&secret));
    let path = "/v1/me/authenticator/confirmation";
    let confirmed = caller
        .with(Method::POST, path, access, json!({ "code": code }))
        .await;
    let confirmed = confirmed.expect(201);
    let codes: Vec<String> = serde_json::from_value(confirmed.body["codes"].clone()).unwrap();
    for code in &codes {
        caller.secret("recovery code", code);
    }
    // The same code a second time, and recovery codes rightly and wrongly.
    let path = "/v1/me/step-up";
    caller
        .with(Method::POST, path, access, json!({ "totp": code }))
        .await
        .expect(401);
    let body = json!({ "recovery_code": codes[0] });
    caller
        .with(Method::POST, path, access, body.clone())
        .await
        .expect(204);
    caller
        .with(Method::POST, path, access, body)
        .await
        .expect(401);
    let password = caller.secrets[0].1.clone();
    let body = json!({ "phone": PHONE, "password": password, "recovery_code": codes[1] });
    let session = caller.post("/v1/sessions", body).await.expect(201);
    caller.secret("access token", session.text("access_token"));
    caller.secret("refresh token", session.text("refresh_token"));
}

/// The tokens of a session: used, renewed, copied, shown where they do not belong.
pub async fn use_tokens(caller: &mut Caller, access: &str, refresh: &str) {
    caller
        .with(Method::GET, "/v1/me", access, Value::Null)
        .await
        .expect(200);
    for path in [
        "/v1/me",
        "/v1/ledgers/main/wallets",
        "/v1/ledgers/main/stream/events",
        "/metrics",
    ] {
        for name in ["access_token", "ticket", "api_key", "authorization"] {
            let path = format!("{path}?{name}={access}");
            let request = caller
                .request(Method::GET, &path)
                .header("cookie", format!("session={access}"));
            let refused = caller.send(request).await;
            assert!(
                [400, 401].contains(&refused.status),
                "{path}: {}",
                refused.body
            );
        }
    }
    let (head, _) = access.rsplit_once('.').unwrap();
    let forged = caller.secret("forged token", format!("{head}.{}", "A".repeat(86)));
    caller
        .with(Method::GET, "/v1/me", &forged, Value::Null)
        .await
        .expect(401);
    let basic = caller
        .request(Method::GET, "/v1/me")
        .basic_auth("asha", Some(access));
    caller.send(basic).await.expect(401);
    let ticket = caller
        .with(Method::POST, "/v1/stream-tickets", access, Value::Null)
        .await;
    let ticket = caller.secret("stream ticket", ticket.expect(201).text("ticket"));
    stream(caller, &ticket, access).await;
    let body = json!({ "refresh_token": refresh });
    let renewed = caller
        .post("/v1/sessions/refresh", body.clone())
        .await
        .expect(201);
    caller.secret("renewed access token", renewed.text("access_token"));
    caller.secret("renewed refresh token", renewed.text("refresh_token"));
    // A copy: its session ends.
    caller.post("/v1/sessions/refresh", body).await.expect(401);
}

/// A live stream by a ticket, which is used twice, and a token sent on it.
async fn stream(caller: &Caller, ticket: &str, access: &str) {
    let url = format!("{}/v1/ledgers/main/stream?ticket={ticket}", caller.url);
    let url = url.replacen("http", "ws", 1);
    let (mut socket, _) = connect_async(url.as_str()).await.unwrap();
    for token in [access, "no token at all, and not short"] {
        let message = json!({ "type": "authenticate", "token": token });
        socket
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
        socket.next().await.unwrap().unwrap();
    }
    assert!(connect_async(url).await.is_err());
}

/// A client and a key, rightly and wrongly.
pub async fn use_machines(caller: &mut Caller, admin: &str) {
    let path = "/v1/ledgers";
    let body = json!({ "name": "main" });
    caller
        .with(Method::POST, path, admin, body)
        .await
        .expect(201);
    let new = json!({ "kind": "client", "name": "shop", "roles": [{ "role": "auditor" }] });
    let made = caller
        .with(Method::POST, "/v1/machines", admin, new)
        .await
        .expect(201);
    let (id, secret) = (
        made.text("id"),
        caller.secret("client's secret", made.text("secret")),
    );
    let grant = || "grant_type=client_credentials".to_owned();
    let issued = caller
        .form("/oauth/token", (&id, &secret), grant())
        .await
        .expect(200);
    let token = caller.secret("client's token", issued.text("access_token"));
    let wrong = caller.secret("client's wrong secret", "not-the-secret-of-this-client");
    caller
        .form("/oauth/token", (&id, &wrong), grant())
        .await
        .expect(401);
    let both = format!("{}&client_id={id}&client_secret={secret}", grant());
    caller
        .form("/oauth/token", (&id, &secret), both)
        .await
        .expect(401);
    for path in ["/oauth/introspect", "/oauth/revoke", "/oauth/revoke"] {
        caller
            .form(path, (&id, &secret), format!("token={token}"))
            .await
            .expect(200);
    }
    caller
        .with(Method::GET, path, &token, Value::Null)
        .await
        .expect(401);

    let new = json!({ "kind": "api_key", "name": "till", "roles": [{ "role": "auditor" }] });
    let made = caller
        .with(Method::POST, "/v1/machines", admin, new)
        .await
        .expect(201);
    let key = made.text("secret");
    // What comes before is shown in lists, to tell keys apart.
    caller.secret("API key", random_part(&key));
    caller
        .with(Method::GET, path, &key, Value::Null)
        .await
        .expect(200);
    let mut forged = key.clone();
    let last = if forged.pop() == Some('x') { 'y' } else { 'x' };
    forged.push(last);
    caller.secret("wrong API key", random_part(&forged));
    caller
        .with(Method::GET, path, &forged, Value::Null)
        .await
        .expect(401);
}

/// Codes that cannot be delivered, and passwords that are set anew.
pub async fn forget_the_password(caller: &mut Caller, provider: &Provider) {
    let confirm =
        |code: &str, password: &str| json!({ "phone": PHONE, "code": code, "password": password });
    let path = "/v1/password-resets/confirmation";
    let new = caller.secret("new password", "cinnamon and a paper umbrella");
    caller
        .post("/v1/password-resets", json!({ "phone": PHONE }))
        .await
        .expect(204);
    let code = caller.secret("reset code", provider.next().await);
    caller.post(path, confirm(&code, &new)).await.expect(204);
    *provider.is_failing.lock().unwrap() = true;
    caller
        .post("/v1/password-resets", json!({ "phone": PHONE }))
        .await
        .expect(204);
    caller.secret("undelivered code", provider.next().await);
    let other = json!({ "phone": "+919812345679", "password": new });
    caller.post("/v1/people", other).await.expect(202);
    caller.secret("undelivered code", provider.next().await);
    let email = json!({ "email": "asha@example.org", "password": new });
    caller.post("/v1/people", email).await.expect(202);
}
