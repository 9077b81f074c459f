//! Bytes of a feed → text, whatever wrote them: UTF-8 and UTF-16 with and without a mark, what an XML declaration or an
//! HTML page says of itself, and the encodings of old programs, told apart as browsers do.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A feed's text, and what it was written in.
#[derive(Debug)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// Name of the encoding.
    pub encoding: &'static str,
    /// Whether bytes were found that mean nothing in it.
    pub damaged: bool,
}

/// Decodes a whole file.
pub fn decode(bytes: &[u8]) -> Decoded {
    let encoding = encoding_of(bytes);
    let (text, encoding, damaged) = encoding.decode(bytes);
    Decoded { text: text.into_owned(), encoding: encoding.name(), damaged }
}

fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    let start = &bytes[..bytes.len().min(2048)];
    utf16(start).or_else(|| mostly_utf8(bytes)).or_else(|| declared(start)).unwrap_or_else(|| guessed(bytes))
}

/// UTF-16 without a mark: every second byte of Latin text is zero.
fn utf16(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
    let many = (start.len() / 6).max(1);
    match (zeros(0), zeros(1)) {
        (0, odd) if odd >= many => Some(UTF_16LE),
        (even, 0) if even >= many => Some(UTF_16BE),
        _ => None,
    }
}

/// UTF-8, in which a few broken letters do not make an older encoding of the rest.
fn mostly_utf8(bytes: &[u8]) -> Option<&'static Encoding> {
    let (mut letters, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    (broken == 0 || letters > 4 * broken).then_some(UTF_8)
}

/// What an XML declaration or an HTML page names.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    if !start.trim_start().starts_with('<') {
        return None;
    }
    let label = ["encoding=", "charset="].iter().find_map(|key| start.split_once(key))?.1;
    let label = label.trim_start_matches(['"', '\'']);
    let label = label.split(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).next()?;
    // bytes that are no UTF-8 do not become it by saying so
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "id,title\n1,Gürtel für Größe – 20 €\n2,Hose über Knöchel\n";
        let utf16 = |low: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if low { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
        };
        let with = |mark: &[u8], bytes: Vec<u8>| [mark.to_vec(), bytes].concat();
        let cases: [(&str, Vec<u8>); 7] = [
            ("UTF-8", text.as_bytes().to_vec()),
            ("UTF-8", with(b"\xef\xbb\xbf", text.as_bytes().to_vec())),
            ("UTF-16LE", with(b"\xff\xfe", utf16(true))),
            ("UTF-16BE", with(b"\xfe\xff", utf16(false))),
            ("UTF-16LE", utf16(true)),
            ("UTF-16BE", utf16(false)),
            ("windows-1252", encoding_rs::WINDOWS_1252.encode(text).0.into_owned()),
        ];
        for (encoding, bytes) in cases {
            let decoded = decode(&bytes);
            assert_eq!((decoded.encoding, decoded.text.as_str(), decoded.damaged), (encoding, text, false));
        }
    }

    #[test]
    fn a_file_may_say_what_it_is_written_in() {
        let xml = "<?xml version=\"1.0\" encoding='ISO-8859-2'?><rss><title>Sukienka żółta</title></rss>";
        assert!(decode(&encoding_rs::ISO_8859_2.encode(xml).0).text.contains("żółta"));
        let html = "<html><meta charset=windows-1251><body>Платье</body></html>";
        assert!(decode(&encoding_rs::WINDOWS_1251.encode(html).0).text.contains("Платье"));
    }

    #[test]
    fn one_broken_letter_does_not_spoil_the_others() {
        let bytes = [&b"id,title\n1,Stra\xdfe\n2,"[..], "Gürtel für Größen, weiß".as_bytes()].concat();
        let decoded = decode(&bytes);
        assert!(
            decoded.damaged
                && decoded.text.contains("Gürtel für Größen, weiß")
                && decoded.text.contains("Stra\u{fffd}e")
        );
    }
}
