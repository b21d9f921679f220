//! The page that hands a payer's browser over to a gateway that wants a form posted.
//!
//! The form holds who pays and a signature, so the page is for whoever has its address, which cannot be
//! guessed: no cache keeps it, nobody's frame shows it, it loads nothing, and runs and styles only what its
//! policy names by hash. Its form goes to the gateway alone. Browsers that run no scripts show the button.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::markup::Escaped;
use sha2::{Digest, Sha256};
use url::Url;

/// Goes on by itself. The form's own `submit` might be a field of that name.
const SCRIPT: &str = "HTMLFormElement.prototype.submit.call(document.getElementById('hand-over'))";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c2430}\
main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border:1px solid #dde1e7;border-radius:8px}\
h1{font-size:1.25rem;margin:0 0 .5rem}p{margin:.5rem 0 1.25rem}\
button{font:inherit;font-weight:600;width:100%;padding:.75rem;border:0;border-radius:6px;background:#1f4fd8;\
color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #9db8ff}";

/// Gateways whose page sends the browser on to another of their hosts, which browsers count as a part of
/// posting the form.
const FAMILIES: [&str; 2] = ["payu.in", "razorpay.com"];

/// What a form hands over.
#[derive(Debug)]
pub(crate) struct HandOver<'a> {
    /// What the payer knows the gateway as.
    pub(crate) gateway: &'a str,
    /// Where the form goes.
    pub(crate) url: &'a Url,
    /// Its fields, in order.
    pub(crate) fields: &'a [(String, String)],
}

/// A page and the policy that it is shown under.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) policy: String,
}

impl HandOver<'_> {
    /// The form, with a button.
    pub(crate) fn page(&self) -> Page {
        let mut hidden = String::new();
        for (name, value) in self.fields {
            // Writing to a String cannot fail.
            let _ = write!(
                hidden,
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                Escaped(name),
                Escaped(value)
            );
        }
        let gateway = Escaped(self.gateway);
        let body = format!(
            "<h1>Your payment continues at {gateway}</h1>\
             <p>You pay on a page of {gateway}. If it does not open by itself, use the button.</p>\
             <form id=\"hand-over\" method=\"post\" action=\"{}\" accept-charset=\"utf-8\">{hidden}\
             <button>Continue to {gateway}</button></form><script>{SCRIPT}</script>",
            Escaped(self.url.as_str())
        );
        Page {
            html: document("Continue to pay", &body),
            policy: policy(
                &format!("script-src '{}'; ", *SCRIPT_HASH),
                &targets(self.url),
            ),
        }
    }
}

/// A page that only says something.
pub(crate) fn notice(title: &str, words: &str) -> Page {
    let body = format!("<h1>{}</h1><p>{}</p>", Escaped(title), Escaped(words));
    Page {
        html: document(title, &body),
        policy: policy("", "'none'"),
    }
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        Escaped(title)
    )
}

fn policy(scripts: &str, targets: &str) -> String {
    format!(
        "default-src 'none'; {scripts}style-src '{}'; form-action {targets}; base-uri 'none'; \
         frame-ancestors 'none'",
        *STYLE_HASH
    )
}

/// Where the form may go: to the gateway, and where that sends the browser on at once.
fn targets(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    let of_family = |family: &&&str| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https"
            && host
                .strip_suffix(**family)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    match FAMILIES.iter().find(of_family) {
        Some(family) => format!("{origin} https://*.{family}"),
        None => origin,
    }
}

static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| hash(SCRIPT));
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));

/// As policies name a script or style (Content Security Policy Level 3).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::{HandOver, notice};

    #[test]
    fn the_form_goes_to_the_gateway_alone() {
        for (address, targets) in [
            (
                "https://secure.payu.in/_payment",
                "https://secure.payu.in https://*.payu.in;",
            ),
            ("https://notpayu.in/_payment", "https://notpayu.in;"),
            (
                "https://payu.in.example/_payment",
                "https://payu.in.example;",
            ),
            ("http://127.0.0.1:8080/_payment", "http://127.0.0.1:8080;"),
        ] {
            let url = address.parse().unwrap();
            let page = HandOver {
                gateway: "PayU",
                url: &url,
                fields: &[],
            }
            .page();
            let wanted = format!("; form-action {targets} ");
            assert!(page.policy.contains(&wanted), "{}", page.policy);
        }
        let page = notice("Ended", "It is over.");
        assert!(
            page.policy.contains("form-action 'none'"),
            "{}",
            page.policy
        );
        assert!(!page.policy.contains("script-src"), "{}", page.policy);
    }

    #[test]
    fn no_field_becomes_markup() {
        let url = "https://pay.example/?a=1&b=\"><script>".parse().unwrap();
        let hostile = "\"></form><script>alert(1)</script>'&amp;\u{202e}".to_owned();
        let fields = [(hostile.clone(), hostile)];
        let page = HandOver {
            gateway: "<b>",
            url: &url,
            fields: &fields,
        }
        .page();
        assert_eq!(page.html.matches("<script>").count(), 1, "{}", page.html);
        assert_eq!(page.html.matches("</form>").count(), 1, "{}", page.html);
        assert!(!page.html.contains("<b>"), "{}", page.html);
        let shown = "&quot;&gt;&lt;/form&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;amp;";
        assert_eq!(page.html.matches(shown).count(), 2, "{}", page.html);
    }
}
