//! How Route53 spells names and values, and how the domain does.
//!
//! Source: Route53's developer guide, on the format of domain names and of TXT values: names end with a dot, and what is no letter, digit, `-` or `_` is
//! written as a backslash and three octal digits; a text is one or more quoted pieces of up to 255 bytes each.

use crate::domain::dns::RecordType;

/// Of one piece of a text. Source: RFC 1035, 3.3.
const PIECE_BYTES: usize = 255;

/// In lower case, without the last dot and escapes: `*.example.com` of `\052.example.com.`. What would not be the same name unescaped stays as it is: a dot
/// or a backslash within a label, and bytes that are not ASCII.
pub(super) fn plain_name(spelt: &str) -> String {
    let mut plain = Vec::with_capacity(spelt.len());
    let mut rest = spelt.strip_suffix('.').unwrap_or(spelt).as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) =
            octal(rest).filter(|(byte, _)| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'\\')).unwrap_or((*first, after));
        plain.push(byte);
        rest = after;
    }
    plain.make_ascii_lowercase();
    String::from_utf8_lossy(&plain).into_owned()
}

/// As Route53 takes it: the inverse. It takes `*` as itself.
pub(super) fn spelt_name(plain: &str) -> String {
    let mut spelt = String::with_capacity(plain.len() + 1);
    for byte in plain.strip_suffix('.').unwrap_or(plain).bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'*' | b'\\' => spelt.push(char::from(byte)),
            other if other.is_ascii_alphanumeric() => spelt.push(char::from(other)),
            other => spelt.push_str(&escaped(other)),
        }
    }
    spelt.push('.');
    spelt
}

/// What a value means: texts without quotes and escapes, their pieces joined; names without their last dot.
pub(super) fn plain_value(kind: &RecordType, spelt: &str) -> String {
    match kind {
        RecordType::Txt => plain_text(spelt),
        RecordType::Cname | RecordType::Ns => plain_name(spelt),
        RecordType::A | RecordType::Aaaa | RecordType::Other(_) => spelt.to_owned(),
    }
}

/// The inverse. Names go without their last dot, as external-dns writes them: a record is deleted by exactly what it holds.
pub(super) fn spelt_value(kind: &RecordType, plain: &str) -> String {
    match kind {
        RecordType::Txt => spelt_text(plain),
        RecordType::Cname | RecordType::Ns => spelt_name(plain).trim_end_matches('.').to_owned(),
        RecordType::A | RecordType::Aaaa | RecordType::Other(_) => plain.to_owned(),
    }
}

/// As it is, where it is not quoted. What is no UTF-8 was written neither by this provider nor by external-dns, and is only shown.
fn plain_text(spelt: &str) -> String {
    if !spelt.starts_with('"') {
        return spelt.to_owned();
    }
    let mut plain = Vec::with_capacity(spelt.len());
    let (mut rest, mut is_within) = (spelt.as_bytes(), false);
    while let [first, after @ ..] = rest {
        rest = match (octal(rest), after) {
            _ if *first == b'"' => {
                is_within = !is_within;
                after
            }
            // Between two pieces.
            _ if !is_within => after,
            (Some((byte, after)), _) => {
                plain.push(byte);
                after
            }
            (None, [escaped, after @ ..]) if *first == b'\\' => {
                plain.push(*escaped);
                after
            }
            _ => {
                plain.push(*first);
                after
            }
        };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn spelt_text(plain: &str) -> String {
    let quoted = |piece: &[u8]| {
        let spelt = piece.iter().map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            other => escaped(*other),
        });
        format!("\"{}\"", spelt.collect::<String>())
    };
    match plain.as_bytes() {
        [] => "\"\"".to_owned(),
        bytes => bytes.chunks(PIECE_BYTES).map(quoted).collect::<Vec<_>>().join(" "),
    }
}

fn escaped(byte: u8) -> String {
    format!("\\{byte:03o}")
}

/// The byte of an escape at the beginning of a text, and what follows it.
fn octal(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'\\', digits @ ..] = text else { return None };
    let (digits, after) = digits.split_first_chunk::<3>()?;
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|digit| matches!(digit, b'0'..=b'7')))?;
    Some((u8::from_str_radix(text, 8).ok()?, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_their_escapes_and_their_last_dot() {
        for (spelt, plain) in [
            ("bootstrap.Example.COM.", "bootstrap.example.com"),
            ("\\052.example.com.", "*.example.com"),
            ("cname-\\052.example.com.", "cname-*.example.com"),
            ("a\\100b.example.com", "a@b.example.com"),
            ("a\\056b.example.com.", "a\\056b.example.com"),
            ("a\\134b.example.com.", "a\\134b.example.com"),
            ("\\303\\244.example.com.", "\\303\\244.example.com"),
            ("", ""),
        ] {
            assert_eq!(plain_name(spelt), plain);
            assert_eq!(plain_name(&spelt_name(plain)), plain, "{spelt}");
        }
        assert_eq!(spelt_name("*.a@b.example.com"), "*.a\\100b.example.com.");
    }

    #[test]
    fn texts_are_read_without_quotes_and_written_in_pieces() {
        for (spelt, plain) in [
            ("\"heritage=external-dns,external-dns/owner=kaas-payments\"", "heritage=external-dns,external-dns/owner=kaas-payments"),
            ("\"a \\\"b\\\" \\\\c\"", "a \"b\" \\c"),
            ("\"\\303\\244\\011x\"", "ä\tx"),
            ("\"\"", ""),
        ] {
            assert_eq!(plain_value(&RecordType::Txt, spelt), plain);
            assert_eq!(spelt_value(&RecordType::Txt, plain), spelt);
        }
        assert_eq!(plain_value(&RecordType::Txt, "\"one \" \"two\""), "one two");
        assert_eq!(plain_value(&RecordType::Txt, "bare \\052"), "bare \\052");
        let (long, piece) = ("x".repeat(600), "x".repeat(255));
        assert_eq!(spelt_value(&RecordType::Txt, &long), format!("\"{piece}\" \"{piece}\" \"{}\"", "x".repeat(90)));
    }

    #[test]
    fn names_in_values_go_without_their_last_dot_and_addresses_as_they_are() {
        assert_eq!(plain_value(&RecordType::Ns, "ns-1.AWSdns-2.org."), "ns-1.awsdns-2.org");
        assert_eq!(spelt_value(&RecordType::Cname, "lb.elb.amazonaws.com"), "lb.elb.amazonaws.com");
        for kind in [RecordType::A, RecordType::Aaaa, RecordType::Other("MX".into())] {
            assert_eq!(spelt_value(&kind, "10 mail.example.com."), "10 mail.example.com.");
            assert_eq!(plain_value(&kind, "10 mail.example.com."), "10 mail.example.com.");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_went(text in ".{0,600}") {
            let spelt = spelt_text(&text);
            prop_assert!(spelt.is_ascii());
            prop_assert_eq!(plain_text(&spelt), text);
        }

        #[test]
        fn any_name_of_printable_letters_comes_back_as_it_went(name in "[!-\\-/-Z^-~]{1,20}(\\.[!-\\-/-Z^-~]{1,20}){0,3}") {
            let spelt = spelt_name(&name);
            prop_assert_eq!(plain_name(&spelt), name.to_ascii_lowercase());
        }
    }
}
