//! Card numbers in words of a provider, which have no business there.
//!
//! Card data never comes to us: payers type it on the provider's own page. A provider may say it all the
//! same, in an error's description or in a field that nobody documented. What is kept of its words goes
//! through here first. Ids do not: some providers' ids are as long as card numbers, and one in ten of those
//! would be taken for one.

use std::borrow::Cow;

/// The shortest and the longest card number that is issued, in digits (ISO/IEC 7812-1).
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// The most bytes of one, with a sign after each digit.
const MOST_BYTES: usize = 2 * 19;

/// What stands where a number stood.
const HIDDEN: &str = "[card number]";

/// The text without what can be a card number: 13 to 19 digits of a network's range with the right check
/// digit, written together or in groups with a blank or a dash between two digits.
#[must_use]
pub fn without_card_numbers(text: &str) -> Cow<'_, str> {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, after)) = first_in(rest) {
        said.push_str(before);
        said.push_str(HIDDEN);
        rest = after;
    }
    if said.is_empty() {
        return Cow::Borrowed(text);
    }
    said.push_str(rest);
    Cow::Owned(said)
}

/// Whether a text has what can be a card number.
#[must_use]
pub fn has_card_number(text: &str) -> bool {
    first_in(text).is_some()
}

/// What is before and after the first number in a text.
fn first_in(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let begin = from + rest.find(|character: char| character.is_ascii_digit())?;
        let length = run(text.as_bytes().get(begin..)?);
        if let Some((lead, number)) = number_in(text.get(begin..begin + length)?) {
            let begin = begin + lead;
            return Some((text.get(..begin)?, text.get(begin + number..)?));
        }
        from = begin + length;
    }
}

/// How many bytes of digits follow, with at most one blank or dash between two of them.
fn run(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let is_followed = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => length += 1,
            b' ' | b'-' if is_followed => length += 1,
            _ => break,
        }
    }
    length
}

/// Where in a run of digits a card number stands: how many bytes are before it, and how many it has.
///
/// A number is as long as it can be, and does not begin or end within a group of digits.
fn number_in(run: &str) -> Option<(usize, usize)> {
    let bytes = run.as_bytes();
    let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    let begins = |place: &usize| is_digit(*place) && (*place == 0 || !is_digit(place - 1));
    let ends = |place: &usize| is_digit(place - 1) && !is_digit(*place);
    (0..bytes.len()).filter(begins).find_map(|begin| {
        let most = bytes.len().min(begin + MOST_BYTES);
        let last = (begin + 1..=most).rev().filter(ends);
        last.filter_map(|end| Some((end, bytes.get(begin..end)?)))
            .find(|(_, part)| is_card_number(part))
            .map(|(end, _)| (begin, end - begin))
    })
}

/// Whether digits, and signs between them, are a number of a network (they begin with 2 to 6) whose check
/// digit is right (ISO/IEC 7812-1, annex B).
fn is_card_number(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit());
    let digits: Vec<u32> = digits.map(|byte| u32::from(byte - b'0')).collect();
    let is_of_network = matches!(digits.first(), Some(2..=6));
    is_of_network && LENGTHS.contains(&digits.len()) && has_check_digit(&digits)
}

fn has_check_digit(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| {
        let weight = if place % 2 == 1 { 2 } else { 1 };
        let product = digit * weight;
        product / 10 + product % 10
    });
    weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that networks publish for tests.
    const NUMBERS: [&str; 7] = [
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "4222222222222",
        "6527658900001005",
    ];

    #[test]
    fn numbers_are_hidden_wherever_they_stand() {
        for number in NUMBERS {
            assert!(has_card_number(number), "{number}");
            let sentence = format!("card {number}, declined");
            let hidden = without_card_numbers(&sentence);
            assert_eq!(hidden, "card [card number], declined", "{number}");
        }
        for written in ["4111 1111 1111 1111", "4111-1111-1111-1111"] {
            let twice = format!("é{written}/{written}é");
            let hidden = without_card_numbers(&twice);
            assert_eq!(hidden, "é[card number]/[card number]é");
        }
        // A group of digits before or after it is another number.
        let beside = without_card_numbers("12 4111111111111111 7");
        assert_eq!(beside, "12 [card number] 7");
    }

    #[test]
    fn what_is_no_card_number_stays() {
        for text in [
            "",
            "2026-11-22T01:21:02Z",
            // A check digit that is wrong.
            "4111111111111112",
            // No network's.
            "9999999999999995",
            "0000000000000000",
            // Part of something longer, and a phone.
            "41111111111111110000",
            "+919000090000",
            "pay_29QQoUBi66xm2f",
            "1568176960vxp0rj",
        ] {
            assert_eq!(without_card_numbers(text), text);
            assert!(!has_card_number(text), "{text}");
        }
    }

    proptest::proptest! {
        /// Whatever is around it, no number is left, and doing it twice changes nothing.
        #[test]
        fn nothing_is_left(before in "[^0-9 -]{0,8}", after in "[^0-9 -]{0,8}", number in 0..7_usize) {
            let number = NUMBERS[number];
            let text = format!("{before}{number}{after}");
            let hidden = without_card_numbers(&text);
            proptest::prop_assert!(!hidden.contains(number));
            proptest::prop_assert!(hidden.starts_with(&before) && hidden.ends_with(&after));
            proptest::prop_assert_eq!(without_card_numbers(&hidden), hidden.clone());
        }

        #[test]
        fn any_text_is_taken(text in ".{0,64}") {
            let hidden = without_card_numbers(&text);
            proptest::prop_assert!(!has_card_number(&hidden));
        }
    }
}
