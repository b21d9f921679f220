//! What can be known of a person. One list: a field that is added here is sealed, opened and erased.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::personal::{
    DateOfBirth, EmailText, IdentityNumberEnding, PersonName, Personal, PersonalField, PhoneText,
    PostalAddress,
};

macro_rules! details {
    ($($(#[$doc:meta])* $field:ident: $value:ty = $variant:ident),+ $(,)?) => {
        /// What is known of a person.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct PersonalDetails {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<Personal<$value>>,
            )+
        }

        /// A field of what is known of a person.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum ProfileField {
            $($(#[$doc])* $variant),+
        }

        impl ProfileField {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The field's name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($field)),+
                }
            }
        }

        impl PersonalDetails {
            /// The fields that are there.
            #[must_use]
            pub fn fields(&self) -> Vec<(ProfileField, &dyn PersonalField)> {
                let mut fields: Vec<(ProfileField, &dyn PersonalField)> = Vec::new();
                $(
                    if let Some(field) = &self.$field {
                        fields.push((ProfileField::$variant, field));
                    }
                )+
                fields
            }

            /// The fields that are there, to be sealed, opened or erased.
            pub fn fields_mut(&mut self) -> Vec<(ProfileField, &mut dyn PersonalField)> {
                let mut fields: Vec<(ProfileField, &mut dyn PersonalField)> = Vec::new();
                $(
                    if let Some(field) = &mut self.$field {
                        fields.push((ProfileField::$variant, field));
                    }
                )+
                fields
            }

            /// Takes over what later details say.
            pub fn update(&mut self, later: Self) {
                $(
                    if later.$field.is_some() {
                        self.$field = later.$field;
                    }
                )+
            }

            /// Forgets a field.
            pub fn remove(&mut self, field: ProfileField) {
                match field {
                    $(ProfileField::$variant => self.$field = None),+
                }
            }
        }
    };
}

details!(
    /// The full name.
    name: PersonName = Name,
    /// The email address.
    email: EmailText = Email,
    /// The phone number.
    phone: PhoneText = Phone,
    /// The day of birth.
    date_of_birth: DateOfBirth = DateOfBirth,
    /// Where the person lives.
    address: PostalAddress = Address,
    /// How the number of the identity document ends.
    identity_number_ending: IdentityNumberEnding = IdentityNumberEnding,
);

impl fmt::Display for ProfileField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
