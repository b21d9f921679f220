//! What a payer's browser does with pages.

use std::time::Duration;

use reqwest::Client;

/// The form of a page.
#[derive(Debug)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The only form of a page.
    pub fn of(html: &str) -> Self {
        assert_eq!(html.matches("<form").count(), 1, "{html}");
        let (_, form) = html.split_once("<form").unwrap();
        let (form, _) = form.split_once("</form>").unwrap();
        let fields = form.split("<input type=\"hidden\" ").skip(1);
        Self {
            action: attribute(form, "action"),
            fields: fields
                .map(|field| (attribute(field, "name"), attribute(field, "value")))
                .collect(),
        }
    }

    /// The same, with one field more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What comes when the form is posted; `base` is the address of its page.
    pub async fn post(&self, client: &Client, base: &str) -> reqwest::Result<reqwest::Response> {
        let base: url::Url = base.parse().unwrap();
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish();
        let request = client.post(base.join(&self.action).unwrap()).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.send().await
    }
}

/// Opens a page of ours and posts its form, until the gateway has its own page. Gives its address.
pub async fn hand_over(client: &Client, address: &str) -> String {
    for _ in 0..600 {
        if let Ok(page) = client.get(address).send().await
            && page.status().is_success()
        {
            let form = Form::of(&page.text().await.unwrap());
            let sent = form.post(client, address).await;
            if sent.is_ok_and(|response| response.status().is_success()) {
                return form.action;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the gateway's page cannot be had from {address}")
}

fn attribute(markup: &str, name: &str) -> String {
    let (_, rest) = markup.split_once(&format!("{name}=\"")).unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    let read = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
    ];
    let value = read
        .iter()
        .fold(value.to_owned(), |text, (from, to)| text.replace(from, to));
    value.replace("&amp;", "&")
}
