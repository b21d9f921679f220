//! PayU's hashes: plain SHA-512 in lower-case hexadecimal over values joined by `|`, with the salt among
//! them.
//!
//! | hash | over |
//! |---|---|
//! | request | `key|txnid|amount|productinfo|firstname|email|udf1|udf2|udf3|udf4|udf5||||||SALT` |
//! | response | `[additionalCharges|]SALT|status[|splitInfo]||||||udf5|udf4|udf3|udf2|udf1|email|firstname|productinfo|amount|txnid|key` |
//! | command | `key|command|var1|SALT` |
//!
//! A standing instruction stands before the salt of a request, a split after it. A `|` inside a value
//! moves the borders between values without changing the hash, so none is signed or accepted.

use sha2::{Digest, Sha512};

use super::settings::{PayUResponseHash, PayUSettings};
use crate::gateways::{FormFields, SecretRing};
use crate::providers::signature::{hexadecimal, is_same};

/// The hexadecimal digits of SHA-512.
const HASH_LENGTH: usize = 128;

/// The values of a checkout's form that its hash covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFields<'a> {
    /// The merchant's key.
    pub key: &'a str,
    /// Our reference.
    pub txnid: &'a str,
    /// The amount, letter by letter as it is posted.
    pub amount: &'a str,
    /// What it is for.
    pub productinfo: &'a str,
    /// Who pays.
    pub firstname: &'a str,
    /// Their email address.
    pub email: &'a str,
    /// `udf1` to `udf5`; empty ones keep their place.
    pub udf: [&'a str; 5],
    /// `si_details` of a standing instruction, or empty.
    pub si_details: &'a str,
    /// `splitRequest`, letter by letter as it is posted, or empty.
    pub split_request: &'a str,
}

/// The hash of a checkout's form.
#[must_use]
pub fn request_hash(salt: &str, fields: &RequestFields<'_>) -> String {
    let [udf1, udf2, udf3, udf4, udf5] = fields.udf;
    let mut values = vec![
        fields.key,
        fields.txnid,
        fields.amount,
        fields.productinfo,
        fields.firstname,
        fields.email,
        udf1,
        udf2,
        udf3,
        udf4,
        udf5,
    ];
    values.extend([""; 5]);
    if !fields.si_details.is_empty() {
        values.push(fields.si_details);
    }
    values.push(salt);
    if !fields.split_request.is_empty() {
        values.push(fields.split_request);
    }
    sha512(&values)
}

/// The hash of a command. It covers the first variable only; the others are protected by TLS alone.
#[must_use]
pub fn command_hash(key: &str, salt: &str, command: &str, var1: &str) -> String {
    sha512(&[key, command, var1, salt])
}

/// The `authorization` header of PayU's newer interfaces, for the `date` header and the body that go with
/// it. It calls itself an HMAC and is a plain digest.
#[must_use]
pub fn v2_authorization(key: &str, salt: &str, date: &str, body: &str) -> String {
    let signature = sha512(&[body, date, salt]);
    format!(r#"hmac username="{key}", algorithm="sha512", headers="date", signature="{signature}""#)
}

/// The values of a return or webhook that its hash covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseFields<'a> {
    /// `success`, `failure` or `pending`.
    pub status: &'a str,
    /// The merchant's key.
    pub key: &'a str,
    /// Our reference.
    pub txnid: &'a str,
    /// The amount as PayU writes it.
    pub amount: &'a str,
    /// What it was for.
    pub productinfo: &'a str,
    /// Who paid.
    pub firstname: &'a str,
    /// Their email address.
    pub email: &'a str,
    /// `udf1` to `udf5`.
    pub udf: [&'a str; 5],
    /// What the payer paid on top, or empty.
    pub additional_charges: &'a str,
    /// `splitInfo` where the merchant's hash covers it, or empty.
    pub split_info: &'a str,
}

/// The hash of a return or webhook.
#[must_use]
pub fn response_hash(salt: &str, fields: &ResponseFields<'_>) -> String {
    let [udf1, udf2, udf3, udf4, udf5] = fields.udf;
    let mut values = Vec::with_capacity(20);
    if !fields.additional_charges.is_empty() {
        values.push(fields.additional_charges);
    }
    values.extend([salt, fields.status]);
    if !fields.split_info.is_empty() {
        values.push(fields.split_info);
    }
    values.extend([""; 5]);
    values.extend([udf5, udf4, udf3, udf2, udf1]);
    values.extend([fields.email, fields.firstname, fields.productinfo]);
    values.extend([fields.amount, fields.txnid, fields.key]);
    sha512(&values)
}

/// Why a return or webhook is not genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// No hash.
    NotSigned,
    /// A hash that is none.
    Malformed,
    /// Fields are missing, there twice, or hold a `|`.
    Ambiguous,
    /// The hash of other values, another salt or another merchant.
    Wrong,
}

/// The covered fields, once one of the salts fits.
pub(super) fn verify<'a>(
    settings: &PayUSettings,
    fields: &'a FormFields,
) -> Result<ResponseFields<'a>, Mismatch> {
    let hash = match optional(fields, "hash")? {
        "" => return Err(Mismatch::NotSigned),
        hash if hash.len() != HASH_LENGTH => return Err(Mismatch::Malformed),
        hash => hash,
    };
    let signed = covered(settings.response_hash, fields)?;
    if signed.key != settings.key {
        return Err(Mismatch::Wrong);
    }
    if fits(&settings.salts, &signed, hash) {
        Ok(signed)
    } else {
        Err(Mismatch::Wrong)
    }
}

fn fits(salts: &SecretRing, signed: &ResponseFields<'_>, hash: &str) -> bool {
    salts
        .all()
        .any(|salt| is_same(&response_hash(salt, signed), hash))
}

fn covered(form: PayUResponseHash, fields: &FormFields) -> Result<ResponseFields<'_>, Mismatch> {
    let must = |name| fields.only(name).ok_or(Mismatch::Ambiguous);
    let may = |name| optional(fields, name);
    let signed = ResponseFields {
        status: must("status")?,
        key: must("key")?,
        txnid: must("txnid")?,
        amount: must("amount")?,
        productinfo: must("productinfo")?,
        firstname: must("firstname")?,
        email: must("email")?,
        udf: [
            may("udf1")?,
            may("udf2")?,
            may("udf3")?,
            may("udf4")?,
            may("udf5")?,
        ],
        additional_charges: may("additionalCharges")?,
        split_info: match form {
            PayUResponseHash::Plain => "",
            PayUResponseHash::WithSplitInfo => may("splitInfo")?,
        },
    };
    if signed.values().any(|value| value.contains('|')) {
        return Err(Mismatch::Ambiguous);
    }
    Ok(signed)
}

impl<'a> ResponseFields<'a> {
    fn values(&self) -> impl Iterator<Item = &'a str> {
        [
            self.status,
            self.key,
            self.txnid,
            self.amount,
            self.productinfo,
            self.firstname,
            self.email,
            self.additional_charges,
            self.split_info,
        ]
        .into_iter()
        .chain(self.udf)
    }
}

/// A field that may be missing, which counts as empty, but not be there twice.
fn optional<'a>(fields: &'a FormFields, name: &str) -> Result<&'a str, Mismatch> {
    let is_there = fields.as_slice().iter().any(|(key, _)| key == name);
    match (is_there, fields.only(name)) {
        (false, _) => Ok(""),
        (true, Some(value)) => Ok(value),
        (true, None) => Err(Mismatch::Ambiguous),
    }
}

fn sha512(values: &[&str]) -> String {
    let mut digest = Sha512::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            digest.update(b"|");
        }
        digest.update(value.as_bytes());
    }
    hexadecimal(&digest.finalize())
}
