//! A server that answers as it is told, and a client for what no adapter asks.

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request as it came.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
}

/// Answers one connection after the other, each with the next answer.
pub struct Answers {
    pub url: String,
    asked: UnboundedReceiver<Asked>,
}

impl Answers {
    pub async fn start(answers: Vec<(u16, &str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = unbounded_channel();
        let answers: Vec<(u16, String)> = answers
            .into_iter()
            .map(|(status, body)| (status, body.to_owned()))
            .collect();
        tokio::spawn(async move {
            for (status, body) in answers {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, status, &body, &tell).await;
            }
        });
        Self { url, asked }
    }

    pub async fn next_request(&mut self) -> Asked {
        self.asked.recv().await.unwrap()
    }
}

async fn serve(stream: TcpStream, status: u16, body: &str, tell: &UnboundedSender<Asked>) {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.unwrap();
    let mut parts = first.split(' ').map(str::to_owned);
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length: usize = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.unwrap();
    // A test that does not read what was asked has dropped the other end.
    let _ = tell.send(Asked {
        method,
        path,
        headers,
    });
    let answer = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A caller that has read enough hangs up.
    let _ = stream.get_mut().write_all(answer.as_bytes()).await;
    let _ = stream.get_mut().shutdown().await;
}

/// A request without a body; the answer's status and JSON.
pub async fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}
