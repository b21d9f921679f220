//! Hosted pages: plain forms that a browser can submit, without scripts.

use std::fmt::Write;

use poem::Response;
use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, LOCATION};

use crate::markup::Escaped;

/// A page on which a payer decides. `hidden` goes along with the decision; the card's number is there
/// because real pages have one, and is not read.
pub(super) struct PayPage<'a> {
    pub provider: &'a str,
    pub title: &'a str,
    pub amount: &'a str,
    pub action: &'a str,
    pub hidden: &'a [(&'a str, &'a str)],
}

impl PayPage<'_> {
    pub(super) fn respond(&self) -> Response {
        let mut hidden = String::new();
        for (name, value) in self.hidden {
            push_hidden(&mut hidden, name, value);
        }
        page(
            StatusCode::OK,
            self.provider,
            &format!(
                "<h1>{}</h1><p>{}</p><form method=\"post\" action=\"{}\">{hidden}\
                 <p><label>Method <select name=\"method\"><option>upi</option>\
                 <option>netbanking</option><option>card</option></select></label></p>\
                 <p><label>Card number <input name=\"card_number\" autocomplete=\"off\" \
                 inputmode=\"numeric\"></label></p>\
                 <p><button name=\"choice\" value=\"pay\">Pay</button> \
                 <button name=\"choice\" value=\"fail\">Let the bank say no</button> \
                 <button name=\"choice\" value=\"fail_then_pay\">No, and yes later</button> \
                 <button name=\"choice\" value=\"abandon\">Turn back</button></p></form>",
                Escaped(self.title),
                Escaped(self.amount),
                Escaped(self.action),
            ),
        )
    }
}

/// A page whose only form posts fields back to the merchant.
pub(super) fn post_back(provider: &str, url: &str, fields: &[(String, String)]) -> Response {
    let mut hidden = String::new();
    for (name, value) in fields {
        push_hidden(&mut hidden, name, value);
    }
    let form = format!(
        "<form method=\"post\" action=\"{}\">{hidden}<p><button>Back to the shop</button></p></form>",
        Escaped(url)
    );
    page(StatusCode::OK, provider, &form)
}

/// Sends the browser on with a GET, without what it posted.
pub(super) fn see_other(url: &str) -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, url)
        .finish()
}

/// A page that says what is wrong.
pub(super) fn refusal(provider: &str, words: &str) -> Response {
    let words = format!("<p>{}</p>", Escaped(words));
    page(StatusCode::BAD_REQUEST, provider, &words)
}

fn push_hidden(html: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
        Escaped(name),
        Escaped(value)
    );
}

fn page(status: StatusCode, provider: &str, body: &str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        .body(format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{0} (simulated)</title><p><strong>{0}, simulated: no money moves.</strong></p>{body}",
            Escaped(provider)
        ))
}
