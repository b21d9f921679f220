//! Onboardings: what is asked of owners, and how long they have.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger_core::ProviderName;
use ledger_core::onboarding::ContactKind;
use ledger_core::verification::{DocumentKind, MAX_DOCUMENTS, MAX_PROVIDERS};
use serde::Deserialize;
use workflows::onboarding::{OnboardingSettings as Process, Patience};

use super::SettingsError;

/// Hours of a day.
const HOURS: u64 = 24;

/// Seconds of an hour.
const SECONDS: u64 = 60 * 60;

/// The most reminders of one thing: nobody does what twenty letters did not bring about.
const MOST_REMINDERS: u32 = 20;

/// What is asked of owners, and how long they have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnboardingSettings {
    /// What they have to verify.
    pub contacts: BTreeSet<ContactKind>,
    /// Days that they have for it.
    pub contacts_days: u16,
    /// Hours until they are reminded, and between reminders.
    pub contacts_reminder_hours: u16,
    /// How many reminders.
    pub contacts_reminders: u32,
    /// Documents that are asked for.
    pub documents: Vec<DocumentKind>,
    /// Providers that cases are handed to.
    pub providers: Vec<ProviderName>,
    /// Days that owners have for documents.
    pub documents_days: u16,
    /// Hours until they are reminded, and between reminders.
    pub documents_reminder_hours: u16,
    /// How many reminders.
    pub documents_reminders: u32,
}

impl OnboardingSettings {
    /// As the process takes it.
    ///
    /// # Errors
    /// [`SettingsError::Value`].
    pub fn process(&self) -> Result<Process, SettingsError> {
        check_count("onboarding.documents", self.documents.len(), MAX_DOCUMENTS)?;
        check_count("onboarding.providers", self.providers.len(), MAX_PROVIDERS)?;
        Ok(Process {
            required: self.contacts.clone(),
            contacts: patience(
                "onboarding.contacts_*",
                self.contacts_days,
                self.contacts_reminder_hours,
                self.contacts_reminders,
            )?,
            documents: patience(
                "onboarding.documents_*",
                self.documents_days,
                self.documents_reminder_hours,
                self.documents_reminders,
            )?,
            kinds: self.documents.clone(),
            providers: self.providers.clone(),
        })
    }
}

fn check_count(setting: &'static str, count: usize, most: usize) -> Result<(), SettingsError> {
    if count > most {
        let rule = "has too many entries";
        return Err(SettingsError::Value { setting, rule });
    }
    Ok(())
}

fn patience(
    setting: &'static str,
    days: u16,
    hours: u16,
    reminders: u32,
) -> Result<Patience, SettingsError> {
    if days == 0 || hours == 0 || reminders > MOST_REMINDERS {
        let rule = "must be a day at least, an hour at least, and 20 reminders at most";
        return Err(SettingsError::Value { setting, rule });
    }
    Ok(Patience {
        expires_after: Duration::from_secs(u64::from(days) * HOURS * SECONDS),
        remind_after: Duration::from_secs(u64::from(hours) * SECONDS),
        reminders,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Settings;

    #[test]
    fn the_default_file_is_what_the_process_does_by_default() {
        let settings = Settings::load(None).unwrap().onboarding.process().unwrap();
        let default = super::Process::default();
        assert_eq!(format!("{settings:?}"), format!("{default:?}"));
    }
}
