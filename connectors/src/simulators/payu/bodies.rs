//! Transactions, actions and errors as PayU writes them.

use chrono::{DateTime, FixedOffset, Utc};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::account::{Account, Action, Payment};
use crate::gateways::payu::PayUResponseHash;
use crate::gateways::payu::signature::{ResponseFields, response_hash};

/// The merchant's own fields.
const UDF: [&str; 5] = ["udf1", "udf2", "udf3", "udf4", "udf5"];

/// What PayU sends to every merchant, whether or not anything is split.
const SPLIT: &str = r#"{"splitStatus":"splitNotReceived","splitSegments":[]}"#;

const INDIAN_TIME: i32 = 19_800;

/// A failure of PayU's own.
pub(super) fn failure(_status: StatusCode, message: &str) -> Value {
    json!({"status": 0, "msg": message})
}

pub(super) fn refused(message: &str, error_code: Option<u32>) -> Value {
    let mut body = json!({"status": 0, "msg": message});
    if let Some(code) = error_code {
        body["error_code"] = code.into();
    }
    body
}

/// Rupees with two decimals.
pub(super) fn rupees(paise: u64) -> String {
    format!("{}.{:02}", paise / 100, paise % 100)
}

/// Rupees with four decimals, of ten-thousandths.
pub(super) fn finer(parts: u64) -> String {
    format!("{}.{:04}", parts / 10_000, parts % 10_000)
}

/// Indian time without a zone.
pub(super) fn time(at: DateTime<Utc>) -> String {
    match FixedOffset::east_opt(INDIAN_TIME) {
        Some(zone) => at
            .with_timezone(&zone)
            .format("%Y-%m-%d %H:%M:%S")
            .to_string(),
        None => String::new(),
    }
}

impl Payment {
    pub(super) fn told(&self) -> (&str, &str) {
        match &self.told_status {
            Some((status, unmapped)) => (status, unmapped),
            None => (self.status, self.unmapped),
        }
    }

    fn error(&self) -> (&'static str, &'static str) {
        match self.status {
            "failure" => ("E325", "Bank denied transaction"),
            _ => ("E000", "No Error"),
        }
    }

    /// What the payer paid, without the zeros that a number has not.
    fn debit(&self) -> String {
        let paid = match self.status {
            "success" => self.amount.saturating_add(self.additional_charges),
            _ => 0,
        };
        let text = rupees(paid);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    pub(super) fn body(&self) -> Value {
        let (status, unmapped) = self.told();
        let (error, message) = self.error();
        let amount = rupees(self.told_amount.unwrap_or(self.amount));
        let mut body = json!({
            "mihpayid": self.id,
            "request_id": "",
            "bank_ref_num": format!("4319{}", self.id.len()),
            "amt": amount,
            "transaction_amount": amount,
            "txnid": self.txnid,
            "additional_charges": rupees(self.additional_charges),
            "productinfo": self.productinfo,
            "firstname": self.firstname,
            "bankcode": self.mode,
            "udf1": self.udf[0],
            "udf2": self.udf[1],
            "udf3": self.udf[2],
            "udf4": self.udf[3],
            "udf5": self.udf[4],
            "field2": null,
            "field9": message,
            "error_code": error,
            "error_Message": message,
            "addedon": time(self.added_at),
            "payment_source": "payu",
            "card_type": null,
            "disc": "0.00",
            "mode": self.mode,
            "PG_TYPE": "UPI-PG",
            "card_no": "",
            "status": status,
            "unmappedstatus": unmapped,
            "Merchant_UTR": null,
            "Settled_At": "0000-00-00 00:00:00",
        });
        body["net_amount_debit"] = match serde_json::from_str::<Value>(&self.debit()) {
            Ok(number) => number,
            Err(_) => Value::Null,
        };
        body
    }
}

impl Account {
    /// The fields that a browser brings back and a webhook sends, with their hash.
    pub(super) fn response(&self, payment: &Payment, salt: &str) -> Vec<(String, String)> {
        let (status, unmapped) = payment.told();
        let (error, message) = payment.error();
        let amount = match payment.told_amount {
            Some(amount) => rupees(amount),
            None => payment.amount_text.clone(),
        };
        let additional = match payment.additional_charges {
            0 => String::new(),
            charges => rupees(charges),
        };
        let debit = payment.debit();
        let added = time(payment.added_at);
        let mut fields = vec![
            ("mihpayid", payment.id.as_str()),
            ("mode", &payment.mode),
            ("status", status),
            ("unmappedstatus", unmapped),
            ("key", &self.key),
            ("txnid", &payment.txnid),
            ("amount", &amount),
            ("addedon", &added),
            ("productinfo", &payment.productinfo),
            ("firstname", &payment.firstname),
            ("lastname", ""),
            ("email", &payment.email),
            ("phone", &payment.phone),
        ];
        fields.extend(UDF.into_iter().zip(payment.udf.iter().map(String::as_str)));
        fields.extend([
            ("field9", message),
            ("payment_source", "payu"),
            ("PG_TYPE", "UPI-PG"),
            ("error", error),
            ("error_Message", message),
            ("net_amount_debit", debit.as_str()),
            ("discount", "0.00"),
            ("bankcode", payment.mode.as_str()),
            ("splitInfo", SPLIT),
        ]);
        if !additional.is_empty() {
            fields.push(("additionalCharges", &additional));
        }
        let mut fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(rewriting) = &self.rewriting {
            rewriting.fields(&mut fields);
        }
        let hash = self.hash_of(&fields, salt);
        fields.push(("hash".to_owned(), hash));
        fields
    }

    /// The hash of a form's fields.
    fn hash_of(&self, fields: &[(String, String)], salt: &str) -> String {
        let of = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let signed = ResponseFields {
            status: of("status"),
            key: of("key"),
            txnid: of("txnid"),
            amount: of("amount"),
            productinfo: of("productinfo"),
            firstname: of("firstname"),
            email: of("email"),
            udf: UDF.map(of),
            additional_charges: of("additionalCharges"),
            split_info: match self.response_hash {
                PayUResponseHash::Plain => "",
                PayUResponseHash::WithSplitInfo => SPLIT,
            },
        };
        response_hash(salt, &signed)
    }

    pub(super) fn response_of(&self, payment_id: &str) -> Option<Vec<(String, String)>> {
        let payment = self.payment(payment_id)?;
        Some(self.response(payment, self.salt()))
    }
}

impl Action {
    pub(super) fn body(&self) -> Value {
        json!({
            "mihpayid": self.payment_id,
            "bank_ref_num": self.arn.as_ref().map(|_| format!("1001{}", self.id)),
            "request_id": self.id,
            "amt": rupees(self.amount),
            "mode": "UPI",
            "action": self.kind,
            "token": self.token,
            "status": self.status,
            "bank_arn": self.arn,
            "settlement_id": null,
            "amount_settled": null,
            "UTR_no": null,
            "value_date": null,
            "refund_mode": "Back to source",
        })
    }
}
