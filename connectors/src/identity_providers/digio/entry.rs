//! The person at Digio: by which contact they are known, and their way in.

use super::settings::DigioSettings;
use super::{Operation, PROVIDER};
use crate::identity_providers::{
    CaseEntry, CaseRequest, EntryKind, IdentityProviderError, Person, PersonalText, ProviderId,
};
use crate::outbound::form;
use crate::providers::CallError;

/// The country code of the only phone numbers that Digio knows.
const INDIA: &str = "+91";

/// The contact by which Digio knows the person: the email address, or the ten digits of an Indian phone
/// number.
pub(super) fn customer_identifier(person: &Person) -> Result<&str, IdentityProviderError> {
    if let Some(email) = &person.email {
        return Ok(email.as_str());
    }
    let phone = person.phone.as_ref().map(|phone| phone.as_str());
    let digits = phone.and_then(|phone| phone.strip_prefix(INDIA));
    digits
        .filter(|digits| digits.len() == 10)
        .ok_or(CallError::Invalid {
            field: "person",
            rule: "needs an email address or an Indian phone number at Digio",
        })
}

/// The page is at `{gateway}/gateway/login/{request}/{ours}/{contact}?token_id=…&redirect_url=…`.
pub(super) fn entry(
    settings: &DigioSettings,
    request: &CaseRequest,
    case_id: &ProviderId,
    identifier: &str,
    token: String,
) -> Result<CaseEntry, IdentityProviderError> {
    if request.entry == EntryKind::Token {
        let token = PersonalText::new(token);
        return Ok(CaseEntry::Token { token });
    }
    let contact: String = form_urlencoded::byte_serialize(identifier.as_bytes()).collect();
    let query = form(&[
        ("token_id", &token),
        ("redirect_url", request.return_url.as_str()),
    ]);
    let url = format!(
        "{}/gateway/login/{case_id}/{}/{}?{query}",
        settings.gateway_url,
        request.reference,
        contact.replace("%40", "@"),
    );
    let url = PROVIDER.at(Operation::OpenCase).page_url(&url)?;
    Ok(CaseEntry::Page { url })
}
