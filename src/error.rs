//! The one error type of the library.
//!
//! A message says the operation, what was expected, what came, and the next step, in that order; the command line
//! prints it as one line and the page turns it into a sentence for the visitor.

/// Everything that can go wrong in the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A photo's bytes could not be turned into pixels.
    #[error("reading photo: {0}")]
    Photo(String),
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
