//! A model folder: `model.json` beside one weight file a part, so that a page can fetch the text encoder first.

#[cfg(feature = "cli")]
use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use crate::hash::FileName;
use crate::hash::{check_hash, sha256_hex};
use crate::image::Preprocess;
use crate::model::{bert, fusion, vit};
use serde::{Deserialize, Serialize};

/// Value of [`Description::format`].
pub const FORMAT: &str = "vitrine-model";
/// The version that this code writes, and the newest that it reads.
pub const VERSION: u32 = 1;
/// Name of the description in a model folder.
pub const DESCRIPTION: &str = "model.json";

/// What a file of a model folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// `tokenizer.json`.
    Tokenizer,
    /// The text encoder's weights.
    Text,
    /// The fusion head's weights.
    Fusion,
    /// The image encoder's weights.
    Image,
    /// The instant text tier, which a model may lack; see [`instant`](crate::model::instant).
    Instant,
}

impl Part {
    /// The part's file name.
    pub fn file(self) -> &'static str {
        match self {
            Part::Tokenizer => "tokenizer.json",
            Part::Text => "text.safetensors",
            Part::Fusion => "fusion.safetensors",
            Part::Image => "image.safetensors",
            Part::Instant => "instant.safetensors",
        }
    }

    /// The part that has this name in [`Description::parts`].
    pub fn from_name(name: &str) -> Result<Self> {
        serde_json::from_value(name.into()).map_err(|_| {
            Error::Model(format!(
                "expected part tokenizer, text, fusion, image or instant, got {name:?}; check the call"
            ))
        })
    }
}

/// One file of a model folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartFile {
    /// What it holds.
    pub part: Part,
    /// Its name in the folder.
    pub file: FileName,
    /// Its length.
    pub bytes: u64,
    /// Its hash, hexadecimal.
    pub sha256: String,
}

impl PartFile {
    /// The entry of a part with these bytes.
    pub fn of(part: Part, bytes: &[u8]) -> Self {
        let file = FileName::of_program(part.file());
        Self { part, file, bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
    }
}

/// `model.json`: everything about a model but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of the folder's layout.
    pub version: u32,
    /// A name for people.
    pub name: String,
    /// sha256 over weights and preprocessing parameters; catalogs carry it.
    pub fingerprint: String,
    /// Length of query and catalog vectors.
    pub dimension: usize,
    /// Side of the square that the image encoder sees, in pixels.
    pub image_size: usize,
    /// A sentence that visitors must see, such as that the head is untrained.
    pub note: Option<String>,
    /// Where training left the temperature of its softmax over cosines; more training goes on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// How photos become numbers.
    pub preprocess: Preprocess,
    /// Longest text in tokens, the special ones counted.
    pub max_tokens: usize,
    /// The image encoder, where there is one.
    pub image: Option<vit::Config>,
    /// The text encoder, where there is one.
    pub text: Option<bert::Config>,
    /// The fusion head, where there is one.
    pub fusion: Option<fusion::Config>,
    /// The files that the model is made of.
    pub parts: Vec<PartFile>,
    /// The file of the instant text tier, where there is one. It only answers sooner: the fingerprint is the same with it
    /// and without it, and programs of before it read the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instant: Option<PartFile>,
}

impl Description {
    /// Reads `model.json`.
    ///
    /// # Errors
    /// [`Error::Model`] for other JSON, an unknown version, or sizes that contradict each other.
    pub fn from_json(json: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|e| {
            Error::Model(format!("expected model.json, got text that is no JSON ({e}); fetch it again"))
        })?;
        let (format, version) = (value["format"].as_str(), value["version"].as_u64());
        if format != Some(FORMAT) || version.is_none_or(|v| v > u64::from(VERSION) || v == 0) {
            return Err(Error::Model(format!(
                "expected {FORMAT} of version 1 to {VERSION}, got {format:?} of version {version:?}; convert it again"
            )));
        }
        let description: Self = serde_json::from_value(value).map_err(|e| {
            Error::Model(format!("expected a complete model.json, got one with a fault: {e}; convert it again"))
        })?;
        description.check()?;
        Ok(description)
    }

    fn check(&self) -> Result<()> {
        self.preprocess.check()?;
        if let Some(text) = &self.text {
            text.check()?;
            if !(3..=text.max_positions).contains(&self.max_tokens) {
                return Err(Error::Model(format!(
                    "expected texts of 3 to {} tokens, as the text encoder has positions, got {}; convert it again",
                    text.max_positions, self.max_tokens
                )));
            }
        }
        if let Some(fusion) = &self.fusion {
            fusion.check()?;
        }
        let Some(image) = &self.image else { return Ok(()) };
        image.check()?;
        match (image.image_size, image.patch_size) == (self.preprocess.size, self.preprocess.patch) {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected preprocessing to {}/{} pixels as the image encoder has it, got {}/{}; convert it again",
                image.image_size, image.patch_size, self.preprocess.size, self.preprocess.patch
            ))),
        }
    }

    /// All files beside `model.json`.
    pub fn files(&self) -> impl Iterator<Item = &PartFile> {
        self.parts.iter().chain(&self.instant)
    }

    /// The file of a part.
    pub fn file(&self, part: Part) -> Result<&PartFile> {
        self.files().find(|file| file.part == part).ok_or_else(|| {
            Error::Model(format!("expected a part {part:?} in model {}, got none; choose another model", self.name))
        })
    }

    /// Checks a part's bytes against their length and hash.
    pub fn verify(&self, part: Part, bytes: &[u8]) -> Result<()> {
        let file = self.file(part)?;
        check_hash(&file.file, &file.sha256, bytes)
    }

    /// Enters the files and computes the fingerprint, which the instant tier is no part of.
    pub fn seal(&mut self, parts: &[(Part, Vec<u8>)]) {
        let files = parts.iter().map(|(part, bytes)| PartFile::of(*part, bytes));
        let (instant, parts): (Vec<_>, Vec<_>) = files.partition(|file| file.part == Part::Instant);
        (self.instant, self.parts) = (instant.into_iter().next(), parts);
        self.parts.sort_by_key(|file| file.part);
        let sizes = (&self.preprocess, self.max_tokens, &self.image, &self.text, &self.fusion);
        let hashes: Vec<_> = self.parts.iter().map(|file| (file.part, &file.sha256)).collect();
        // a tuple of structs always serializes to the same text, since field order is fixed
        self.fingerprint = sha256_hex(serde_json::to_string(&(sizes, hashes)).unwrap_or_default().as_bytes());
    }

    /// Writes the claimed folder, which appears, or takes the place of an earlier one, only when it is complete.
    #[cfg(feature = "cli")]
    pub fn write(&self, folder: &mut crate::staging::Claim, parts: &[(Part, Vec<u8>)]) -> Result<()> {
        folder.replace(DESCRIPTION, |folder| {
            for (part, bytes) in parts {
                write_atomic(&folder.join(part.file()), bytes)?;
            }
            let json = serde_json::to_string_pretty(self).map_err(|e| Error::Model(e.to_string()))?;
            write_atomic(&folder.join(DESCRIPTION), json.as_bytes())
        })
    }

    /// Reads the folder's description.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(folder: &std::path::Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        Self::from_json(&std::fs::read_to_string(&path).map_err(crate::error::io("reading", &path))?)
    }

    /// Reads and checks a part of the folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(&self, folder: &std::path::Path, part: Part) -> Result<Vec<u8>> {
        let path = folder.join(&self.file(part)?.file);
        let bytes = std::fs::read(&path).map_err(crate::error::io("reading", &path))?;
        self.verify(part, &bytes)?;
        Ok(bytes)
    }
}
