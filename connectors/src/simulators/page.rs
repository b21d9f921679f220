//! Hosted pages: plain forms that a browser can submit, without scripts.

use std::fmt::Write;

use poem::Response;
use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, LOCATION};

use crate::gateways::{Money, currency};
use crate::markup::Escaped;

const NO_MONEY: &str = "no money moves.";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c2430}\
main{max-width:28rem;margin:8vh auto;background:#fff;border:1px solid #dde1e7;border-radius:8px;overflow:hidden}\
header{padding:.75rem 2rem;background:#fff7e0;border-bottom:1px solid #f0dfa8;font-size:.875rem}\
section{padding:1.5rem 2rem 2rem}h1{font-size:1.125rem;font-weight:600;margin:0}\
.amount{font-size:2rem;font-weight:600;margin:.25rem 0 1.25rem}\
label{display:block;font-size:.875rem;margin:0 0 1rem}\
select,input{display:block;box-sizing:border-box;width:100%;font:inherit;padding:.5rem;margin-top:.25rem;\
border:1px solid #b9c0cb;border-radius:6px;background:#fff}\
button{display:block;width:100%;font:inherit;padding:.625rem;margin-top:.625rem;border:1px solid #b9c0cb;\
border-radius:6px;background:#fff;color:inherit;cursor:pointer}\
button.first{background:#1f4fd8;border-color:#1f4fd8;color:#fff;font-weight:600}\
button:focus-visible,select:focus-visible,input:focus-visible{outline:3px solid #9db8ff}";

/// So many minor units in words for a person, such as `INR 100.00`.
pub(super) fn in_words(code: &str, minor_units: u64) -> String {
    match currency(code) {
        Ok(asset) => {
            let money = Money::from_minor_units(minor_units, asset);
            format!("{} {}", asset.code, money.decimal_text())
        }
        Err(_) => format!("{minor_units} smallest units of {code}"),
    }
}

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
            NO_MONEY,
            &format!(
                "<h1>{}</h1><p class=\"amount\">{}</p><form method=\"post\" action=\"{}\">{hidden}\
                 <label>Method <select name=\"method\"><option value=\"upi\">UPI</option>\
                 <option value=\"netbanking\">Net banking</option>\
                 <option value=\"card\">Card</option></select></label>\
                 <label>Card number (not read) <input name=\"card_number\" autocomplete=\"off\" \
                 inputmode=\"numeric\"></label>\
                 <button class=\"first\" name=\"choice\" value=\"pay\">Pay {}</button>\
                 <button name=\"choice\" value=\"fail\">Let the bank say no</button>\
                 <button name=\"choice\" value=\"fail_then_pay\">Let the bank say no, and yes later</button>\
                 <button name=\"choice\" value=\"abandon\">Turn back</button></form>",
                Escaped(self.title),
                Escaped(self.amount),
                Escaped(self.action),
                Escaped(self.amount),
            ),
        )
    }
}

/// A page on which a person decides what becomes of their case.
pub(super) struct CasePage<'a> {
    pub provider: &'a str,
    pub case_id: &'a str,
    pub action: &'a str,
}

impl CasePage<'_> {
    pub(super) fn respond(&self) -> Response {
        page(
            StatusCode::OK,
            self.provider,
            "nobody is checked.",
            &format!(
                "<h1>Verify your identity</h1><p>Case {}</p><form method=\"post\" action=\"{}\">\
                 <button class=\"first\" name=\"choice\" value=\"approve\">Hand in, and pass</button>\
                 <button name=\"choice\" value=\"submit\">Hand in, and wait</button>\
                 <button name=\"choice\" value=\"review\">Hand in, and let people look</button>\
                 <button name=\"choice\" value=\"reject_retry\">Hand in blurred photos</button>\
                 <button name=\"choice\" value=\"reject_final\">Hand in somebody else's</button>\
                 <button name=\"choice\" value=\"expire\">Turn back for good</button></form>",
                Escaped(self.case_id),
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
        "<form method=\"post\" action=\"{}\"><h1>You are done here</h1>{hidden}<button class=\"first\">Back to the shop</button></form>",
        Escaped(url)
    );
    page(StatusCode::OK, provider, NO_MONEY, &form)
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
    let words = format!("<h1>{}</h1>", Escaped(words));
    page(
        StatusCode::BAD_REQUEST,
        provider,
        "nothing here is real.",
        &words,
    )
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

fn page(status: StatusCode, provider: &str, assurance: &str, body: &str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        .body(format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{0} (simulated)</title><style>{STYLE}</style><main><header><strong>{0}</strong>, \
             simulated: {1}</header><section>{body}</section></main></html>",
            Escaped(provider),
            Escaped(assurance)
        ))
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn amounts_are_shown_as_people_write_them() {
        assert_eq!(in_words("INR", 10_000), "INR 100.00");
        assert_eq!(in_words("inr", 5), "INR 0.05");
        assert_eq!(in_words("JPY", 295), "JPY 295");
        assert_eq!(in_words("KWD", 295_990), "KWD 295.990");
        assert_eq!(in_words("???", 7), "7 smallest units of ???");
    }
}
