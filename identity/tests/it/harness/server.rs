//! An HTTP server that answers what a test tells it to, well or badly, and counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is answered to a path: the whole answer, byte for byte.
type Answers = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub struct Server {
    pub url: String,
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// Listens at an address, such as one where a server was before.
    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answers, asked): (Answers, Arc<Mutex<Vec<String>>>) = Default::default();
        let open = watch::Sender::new(true);
        let shared = (Arc::clone(&answers), Arc::clone(&asked), open.subscribe());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            url,
            answers,
            asked,
            open,
            task,
        }
    }

    pub fn answer(&self, path: &str, answer: impl Into<Vec<u8>>) {
        let mut answers = self.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer.into());
    }

    pub fn answer_json(&self, path: &str, body: &serde_json::Value, headers: &str) {
        let body = body.to_string();
        let length = body.len();
        self.answer(
            path,
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"),
        );
    }

    /// Paths in the order in which they were asked for; bodies of requests after a space.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        let is_path = |line: &&String| line.split(' ').next() == Some(path);
        self.asked().iter().filter(is_path).count()
    }

    /// Requests wait from now on.
    pub fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Requests are answered again, also those that wait.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// Waits until so many requests have come in.
    pub async fn wait_for_requests(&self, count: usize) {
        while self.asked().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    (answers, asked, mut open): (Answers, Arc<Mutex<Vec<String>>>, watch::Receiver<bool>),
) {
    let Some((path, body)) = read_request(&mut stream).await else {
        return;
    };
    asked.lock().unwrap().push(format!("{path} {body}"));
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let answer = answers.lock().unwrap().get(&path).cloned();
    let answer = answer.unwrap_or_else(|| {
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
    });
    // The client may have given up.
    drop(stream.write_all(&answer).await);
    drop(stream.shutdown().await);
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let path = head.split(' ').nth(1)?.to_owned();
                return Some((path, body.to_owned()));
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => text.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
        }
    }
}
