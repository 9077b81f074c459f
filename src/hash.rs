//! sha256, its hexadecimal form, and file names that were checked.
//!
//! Manifests, parts, items and archives may come from anywhere. A name in them becomes a path, or text in a page, only as
//! one of the types here, and only their parsers make those. The page checks names by the same rule (`www/core/names.js`);
//! `tests/names.json` holds the cases for both.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{Display, Formatter};
use std::ops::Deref;
use std::path::Path;

/// Endings of photo files, in lower case: what the decoder reads.
pub const PHOTO_ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];
/// The longest name: every file system takes it, with some room for what programs put around it.
const LONGEST: usize = 128;
/// Digits of its content's sha256 with which a file's name begins or ends.
const HASH_DIGITS: usize = 16;

/// sha256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses bytes whose sha256 is not the expected one.
pub fn check_hash(file: &str, expected: &str, bytes: &[u8]) -> Result<()> {
    let got = sha256_hex(bytes);
    match got == expected {
        true => Ok(()),
        false => Err(Error::Hash { file: file.to_string(), expected: expected.to_string(), got }),
    }
}

/// Whether every file system, host and browser takes a name as the name of one file, and as the same one: pieces of
/// lower-case letters, digits, `-` and `_` between single dots. Lower case alone, since some systems take `A.jpg` and
/// `a.jpg` for one file.
fn is_plain(name: &str) -> bool {
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let piece = |piece: &str| !piece.is_empty() && piece.bytes().all(|c| letter(c) || c == b'-' || c == b'_');
    name.len() <= LONGEST && name.bytes().next().is_some_and(letter) && name.split('.').all(piece) && !is_device(name)
}

/// Names that Windows keeps for devices, whatever follows behind a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let port =
        |start| stem.strip_prefix(start).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit());
    ["con", "prn", "aux", "nul"].contains(&stem) || port("com") || port("lpt")
}

/// Whether a name ends as those of photos do.
fn is_photo(name: &str) -> bool {
    is_plain(name) && name.rsplit_once('.').is_some_and(|(_, ending)| PHOTO_ENDINGS.contains(&ending))
}

/// Whether a name is that of a folder, with a slash at its end.
fn is_folder(name: &str) -> bool {
    name.strip_suffix('/').is_some_and(is_plain)
}

fn refuse(expected: &str, name: &str) -> Error {
    // a name may be of any length and hold anything: what is shown is short, and escaped
    let shown: String = name.chars().take(80).collect();
    Error::Argument(format!(
        "expected {expected} in lower-case letters, digits, '-', '_' and single dots, got {shown:?}, which leads \
         elsewhere or is no such name; make the file that names it again"
    ))
}

/// A string that only its parser makes. It reads as a string and as a path.
macro_rules! checked_name {
    ($(#[$about:meta])* $name:ident, $check:path, $expected:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`Error::Argument`], which shows the name.
            pub fn parse(name: &str) -> Result<Self> {
                $check(name).then(|| Self(name.to_string())).ok_or_else(|| refuse($expected, name))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(name: String) -> Result<Self> {
                Self::parse(&name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<Path> for $name {
            fn as_ref(&self) -> &Path {
                self.0.as_ref()
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_name!(
    /// The name of a file right beside the manifest that names it.
    FileName, is_plain, "the name of a file beside its manifest,"
);
checked_name!(
    /// The name of a photo in a catalog's folder of photos.
    PhotoName, is_photo, "the name of a photo (.jpg, .jpeg, .png or .webp)"
);
checked_name!(
    /// The name of a folder right beside the manifest that names it, with a slash at its end.
    FolderName, is_folder, "the name of a folder with a slash at its end"
);

impl FileName {
    /// `stem-<hash>.extension`: a file that is named after its content never changes.
    pub fn of_content(stem: &str, extension: &str, sha256: &str) -> Result<Self> {
        Self::parse(&format!("{stem}-{}.{extension}", sha256.get(..HASH_DIGITS).unwrap_or(sha256)))
    }

    /// A name that stands in this program; `tests` below checks them all.
    pub(crate) fn of_program(name: &'static str) -> Self {
        debug_assert!(is_plain(name), "{name}");
        Self(name.to_string())
    }
}

impl PhotoName {
    /// The name of a photo after its content.
    pub fn of_content(extension: &str, bytes: &[u8]) -> Result<Self> {
        Self::parse(&format!("{}.{extension}", &sha256_hex(bytes)[..HASH_DIGITS]))
    }

    /// The digits of its content's sha256, where the name carries them: photos that this program copied have them.
    pub fn digits(&self) -> Option<&str> {
        let (stem, _) = self.0.split_once('.')?;
        (stem.len() == HASH_DIGITS && stem.bytes().all(|c| c.is_ascii_hexdigit())).then_some(stem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::folder::Part;
    use proptest::prelude::*;

    #[test]
    fn names_in_the_program_are_such_names() {
        for part in [Part::Tokenizer, Part::Text, Part::Fusion, Part::Image, Part::Instant] {
            assert_eq!(FileName::parse(part.file()).unwrap(), FileName::of_program(part.file()));
        }
        FolderName::parse(crate::catalog::assembly::PHOTOS).unwrap();
    }

    #[test]
    fn a_photo_carries_its_hash_or_does_not() {
        let name = PhotoName::of_content("png", b"bytes").unwrap();
        assert_eq!(name.digits(), Some(&sha256_hex(b"bytes")[..16]));
        for other in ["0.jpg", "0123456789abcdeg.jpg", "0123456789abcde.png", "0123456789abcdef0.png"] {
            assert_eq!(PhotoName::parse(other).unwrap().digits(), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_is_short_and_harmless_to_print() {
        let error = FileName::parse(&format!("\u{1b}[2J\u{202e}\n{}", "x".repeat(100_000))).unwrap_err().to_string();
        assert!(error.len() < 500 && !error.contains(['\u{1b}', '\u{202e}', '\n']), "{error}");
    }

    proptest! {
        /// Whatever is accepted is one component of a path, and needs no escaping anywhere.
        #[test]
        fn an_accepted_name_stays_in_its_folder(name in r#"[a-c.A-C_\-/\\:%"'<> \n\x00ä0-2]{0,8}"#) {
            if let Ok(name) = FileName::parse(&name) {
                let path = Path::new("folder").join(&name);
                prop_assert_eq!(path.components().count(), 2);
                prop_assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
                prop_assert!(!name.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)));
                prop_assert_eq!(name.to_lowercase(), name.as_str());
            }
        }
    }
}
