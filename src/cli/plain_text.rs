//! Foreign text made safe to show in a terminal: on one line, without control characters.

use std::fmt::Write;

use serde_json::value::RawValue;

/// Text in which every control character is written out, and every character that turns the direction of text around.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if c.is_control() || turns_text(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            _ => shown.push(c),
        }
    }
    shown
}

/// Bidirectional controls (Unicode Standard Annex 9, section 2), and the separators that end a line in some terminals.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON as it came, but on one line: blanks outside of its texts are left out, everything else stays.
pub fn compact(json: &RawValue) -> String {
    let mut shown = String::with_capacity(json.get().len());
    let (mut in_text, mut after_backslash) = (false, false);
    for c in json.get().chars() {
        if in_text {
            in_text = c != '"' || after_backslash;
            after_backslash = c == '\\' && !after_backslash;
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_text = c == '"';
        }
        shown.push(c);
    }
    shown
}
