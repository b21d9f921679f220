//! Text in HTML.

use std::fmt::{self, Write};

/// A text in HTML, in an element or in quotes.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_becomes_markup() {
        let text = Escaped("<script>alert('\"&amp;')</script>").to_string();
        let expected = "&lt;script&gt;alert(&#39;&quot;&amp;amp;&#39;)&lt;/script&gt;";
        assert_eq!(text, expected);
    }
}
