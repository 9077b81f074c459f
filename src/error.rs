//! The one error type of the library.
//!
//! A message says the operation, what was expected, what came, and the next step, in that order; the command line
//! prints it as one line and the page turns it into a sentence for the visitor.

use serde::{Deserialize, Serialize};

/// Everything that can go wrong in the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A photo's bytes could not be turned into pixels.
    #[error("reading photo: {0}")]
    Photo(BadPhoto),
    /// A photo is larger than the decoder agrees to hold in memory.
    #[error("reading photo: at most {limit} megapixels are accepted, this one has {got}; scale it down first")]
    PhotoTooLarge {
        /// Accepted size in megapixels.
        limit: u64,
        /// Size in megapixels as its header says.
        got: u64,
    },
    /// Text could not be turned into token ids.
    #[error("reading text: {0}")]
    Text(String),
    /// A query had neither words nor a photo in it.
    #[error("searching: expected words, a photo or a product, got none of them; add one")]
    EmptyQuery,
    /// A model folder, its description or one of its weight files is not what it should be.
    #[error("loading model: {0}")]
    Model(String),
    /// A tensor is missing from a checkpoint or has another shape than its model.
    #[error("loading tensor {name}: expected {expected}, got {got}; is this checkpoint of the right model?")]
    Tensor {
        /// Name of the tensor in the checkpoint.
        name: String,
        /// Expected shape or type.
        expected: String,
        /// What the checkpoint holds.
        got: String,
    },
    /// A catalog file is damaged or of an unknown version.
    #[error("reading catalog: {0}")]
    Catalog(String),
    /// A file differs from the hash that its manifest gives.
    #[error("checking {file}: expected sha256 {expected}, got {got}; fetch the file again")]
    Hash {
        /// The file's name.
        file: String,
        /// Hash in the manifest, hexadecimal.
        expected: String,
        /// Hash of the bytes, hexadecimal.
        got: String,
    },
    /// A catalog was made with another model or with other preprocessing.
    #[error(
        "opening catalog: it was made with model {catalog}, but model {model} is loaded; \
         load that model or index the photos again"
    )]
    Fingerprint {
        /// Fingerprint in the catalog.
        catalog: String,
        /// Fingerprint of the loaded model.
        model: String,
    },
    /// A file of queries, ids or annotations, or a folder or archive of photos, is not what it should be.
    #[error("reading {file}: {problem}")]
    Data {
        /// The file, with the line where one is at fault.
        file: String,
        /// What was expected, what came, and what to do.
        problem: String,
    },
    /// A folder or file is not this command's to write.
    #[error("writing {path}: {problem}")]
    Output {
        /// The folder or file.
        path: String,
        /// What was expected, what came, and what to do.
        problem: String,
    },
    /// Nobody reads any more what is printed. No failure: the command line ends quietly.
    #[error("printing: nobody reads what is printed any more")]
    NobodyReads,
    /// Arguments of a call do not fit together.
    #[error("{0}")]
    Argument(String),
    /// The tensor engine refused an operation.
    #[error("computing: {0}")]
    Compute(#[from] candle_core::Error),
    /// A graphics device is missing, was lost, ran out of memory or did not answer in time.
    #[error("computing on the graphics device: {0}")]
    Device(String),
    /// A file could not be read or written.
    // the reason is part of the sentence, so it is no source, which would be printed once more
    #[error("{operation} {path}: {reason}{}", next_step(reason))]
    Io {
        /// What was being done, such as "reading".
        operation: &'static str,
        /// The file.
        path: String,
        /// The system's reason.
        reason: std::io::Error,
    },
}

/// Why something was left out of a catalog. The names in `--json` and in `part.json` stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A name that is no UTF-8.
    NotUtf8,
    /// A link to a file that is not there, or to a folder that the link lies in.
    BrokenLink,
    /// A file or folder that the system does not let be read.
    Unreadable,
    /// A folder, a pipe or a device under a photo's name.
    NotAFile,
    /// Another photo has the same id.
    Duplicate,
    /// A picture or a document of a kind that is not read.
    Unsupported,
    /// Bytes of no known kind.
    NotAPhoto,
    /// No bytes.
    Empty,
    /// More bytes or pixels than are read.
    TooLarge,
    /// A file that ends early.
    Truncated,
    /// A file with faults in it.
    Damaged,
    /// A row with more or fewer fields than there are columns.
    RaggedRow,
    /// A row that is no UTF-8.
    RowNotUtf8,
    /// A row with a field that is longer than a page can show.
    RowTooLarge,
    /// A row without an id.
    RowWithoutId,
    /// Another row has the same id.
    DuplicateRow,
    /// A row of a photo that is not there.
    RowWithoutPhoto,
    /// A title of characters that nobody sees.
    BlankTitle,
    /// A product that visitors of the shop do not see: a draft, hidden, switched off.
    HiddenProduct,
    /// A new photo that `update` could not encode.
    NotEncoded,
    /// A photo that no row fits, or several do.
    PhotoWithoutRow,
}

impl Reason {
    /// Its name in `--json`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::BrokenLink => "broken_link",
            Self::Unreadable => "unreadable",
            Self::NotAFile => "not_a_file",
            Self::Duplicate => "duplicate",
            Self::Unsupported => "unsupported",
            Self::NotAPhoto => "not_a_photo",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::RaggedRow => "ragged_row",
            Self::RowNotUtf8 => "row_not_utf8",
            Self::RowTooLarge => "row_too_large",
            Self::RowWithoutId => "row_without_id",
            Self::DuplicateRow => "duplicate_row",
            Self::RowWithoutPhoto => "row_without_photo",
            Self::BlankTitle => "blank_title",
            Self::HiddenProduct => "hidden_product",
            Self::NotEncoded => "not_encoded",
            Self::PhotoWithoutRow => "photo_without_row",
        }
    }
}

/// Something that was left out of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why, in a word.
    pub reason: Reason,
    /// The file, the photo's id, or the row.
    pub what: String,
    /// Why, in a sentence.
    pub message: String,
}

impl LeftOut {
    /// Something that was left out.
    pub fn new(reason: Reason, what: impl std::fmt::Display, message: impl Into<String>) -> Self {
        Self { reason, what: what.to_string(), message: message.into() }
    }
}

/// Why a photo could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPhoto {
    /// In a word.
    pub reason: Reason,
    /// What was expected, what came, and what to do.
    pub problem: String,
}

impl std::fmt::Display for BadPhoto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl<T: Into<String>> From<T> for BadPhoto {
    fn from(problem: T) -> Self {
        Self { reason: Reason::Damaged, problem: problem.into() }
    }
}

impl Error {
    /// What is said of a photo that this error left out.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Photo(bad) => bad.reason,
            Self::PhotoTooLarge { .. } => Reason::TooLarge,
            Self::Io { reason, .. } if reason.kind() == std::io::ErrorKind::NotFound => Reason::BrokenLink,
            Self::Io { .. } => Reason::Unreadable,
            _ => Reason::Damaged,
        }
    }
}

/// What to do about a system error, behind a semicolon.
fn next_step(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::*;
    match error.kind() {
        NotFound => "; check the path",
        PermissionDenied | ReadOnlyFilesystem => "; choose a place that you may write to, or change its permissions",
        StorageFull | QuotaExceeded | FileTooLarge => {
            "; make room and run it again: what was there before is as it was"
        }
        InvalidData => "; it is not what it should be, so fetch or make it again",
        _ => "",
    }
}

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Turns a system error into [`Error::Io`] with the operation and the path named.
pub fn io(operation: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |reason| Error::Io { operation, path, reason }
}

/// An [`Error::Data`] about `file`, a path or a path with a line number.
pub fn data(file: impl std::fmt::Display, problem: impl Into<String>) -> Error {
    Error::Data { file: file.to_string(), problem: problem.into() }
}
