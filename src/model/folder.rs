//! A model folder: `model.json` beside one weight file a part, so that a page can fetch the text encoder first.

#[cfg(feature = "cli")]
use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use crate::hash::FileName;
use crate::hash::{check_hash, sha256_hex};
use crate::image::Preprocess;
use crate::model::{bert, clip, fusion, vit};
#[cfg(not(target_arch = "wasm32"))]
use crate::weights::Checkpoint;
use serde::{Deserialize, Serialize};

/// Value of [`Description::format`].
pub const FORMAT: &str = "vitrine-model";
/// The newest version that this code reads. It writes the oldest that says all of a model: programs of before it read
/// version 1, which knows no CLIP and one file a part.
pub const VERSION: u32 = 2;
/// The largest file of a model: static hosts refuse more.
pub const LARGEST_FILE: usize = 24 << 20;
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

    /// The entry of one of several files of a part, the first being number 1.
    fn numbered(part: Part, number: usize, bytes: &[u8]) -> Self {
        let entry = Self::of(part, bytes);
        let (stem, extension) = part.file().split_once('.').unwrap_or((part.file(), "bin"));
        let file = FileName::parse(&format!("{stem}-{number}.{extension}")).unwrap_or(entry.file);
        Self { file, ..entry }
    }

    /// The entries of files of parts. A part of several files has them under one name, in their order.
    fn all(parts: &[(Part, Vec<u8>)]) -> Vec<Self> {
        let mut files = Vec::with_capacity(parts.len());
        for (i, (part, bytes)) in parts.iter().enumerate() {
            let number = parts[..=i].iter().filter(|(other, _)| other == part).count();
            let several = parts.iter().filter(|(other, _)| other == part).count() > 1;
            files.push(if several { Self::numbered(*part, number, bytes) } else { Self::of(*part, bytes) });
        }
        files
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
    /// The two towers of a CLIP, which stand in the place of the three above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<clip::Config>,
    /// The files that the model is made of. Weights of a part that has several are joined in their order.
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
        if let Some(clip) = &self.clip {
            return self.check_clip(clip);
        }
        let Some(image) = &self.image else { return Ok(()) };
        image.check()?;
        self.check_pixels(image.image_size, image.patch_size)
    }

    fn check_pixels(&self, size: usize, patch: usize) -> Result<()> {
        match (size, patch) == (self.preprocess.size, self.preprocess.patch) {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected preprocessing to {size}/{patch} pixels as the image encoder has it, got {}/{}; convert it again",
                self.preprocess.size, self.preprocess.patch
            ))),
        }
    }

    fn check_clip(&self, clip: &clip::Config) -> Result<()> {
        clip.check()?;
        self.check_pixels(clip.image.image_size, clip.image.patch_size)?;
        let others = self.image.is_some() || self.text.is_some() || self.fusion.is_some();
        let fits = (3..=clip.text.max_positions).contains(&self.max_tokens) && self.dimension == clip.dimension;
        match fits && !others {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected towers alone, vectors of {} numbers and texts of 3 to {} tokens, got {} numbers, {} tokens and \
                 other encoders: {others}; convert it again",
                clip.dimension, clip.text.max_positions, self.dimension, self.max_tokens
            ))),
        }
    }

    /// All files beside `model.json`.
    pub fn files(&self) -> impl Iterator<Item = &PartFile> {
        self.parts.iter().chain(&self.instant)
    }

    /// The file of a part, the first of several.
    pub fn file(&self, part: Part) -> Result<&PartFile> {
        self.files().find(|file| file.part == part).ok_or_else(|| {
            Error::Model(format!("expected a part {part:?} in model {}, got none; choose another model", self.name))
        })
    }

    /// The files of a part, in the order in which they are joined.
    pub fn files_of(&self, part: Part) -> impl Iterator<Item = &PartFile> {
        self.files().filter(move |file| file.part == part)
    }

    /// Which of its files a part's bytes are, the first being 0, by length and hash.
    pub fn verify(&self, part: Part, bytes: &[u8]) -> Result<usize> {
        let sha256 = sha256_hex(bytes);
        match self.files_of(part).position(|file| file.sha256 == sha256) {
            Some(index) => Ok(index),
            None => {
                let alike = self.files_of(part).find(|file| file.bytes == bytes.len() as u64);
                let file = alike.map_or_else(|| self.file(part), Ok)?;
                check_hash(&file.file, &file.sha256, bytes).map(|()| 0)
            }
        }
    }

    /// Enters the files and computes the fingerprint, which the instant tier is no part of.
    pub fn seal(&mut self, parts: &[(Part, Vec<u8>)]) {
        let (instant, parts): (Vec<_>, Vec<_>) =
            PartFile::all(parts).into_iter().partition(|file| file.part == Part::Instant);
        (self.instant, self.parts) = (instant.into_iter().next(), parts);
        self.parts.sort_by_key(|file| file.part);
        let sizes = (&self.preprocess, self.max_tokens, &self.image, &self.text, &self.fusion);
        let hashes: Vec<_> = self.parts.iter().map(|file| (file.part, &file.sha256)).collect();
        // a tuple of structs always serializes to the same text, since field order is fixed
        let mut text = serde_json::to_string(&(sizes, hashes)).unwrap_or_default();
        if let Some(clip) = &self.clip {
            text += &serde_json::to_string(clip).unwrap_or_default();
        }
        self.fingerprint = sha256_hex(text.as_bytes());
        let several = self.parts.windows(2).any(|pair| pair[0].part == pair[1].part);
        self.version = if several || self.clip.is_some() || self.preprocess.resize.is_some() { 2 } else { 1 };
    }

    /// Writes the claimed folder, which appears, or takes the place of an earlier one, only when it is complete.
    #[cfg(feature = "cli")]
    pub fn write(&self, folder: &mut crate::staging::Claim, parts: &[(Part, Vec<u8>)]) -> Result<()> {
        folder.replace(DESCRIPTION, |folder| {
            for (entry, (_, bytes)) in PartFile::all(parts).iter().zip(parts) {
                write_atomic(&folder.join(&entry.file), bytes)?;
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

    /// Reads and checks a part of the folder that has one file.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(&self, folder: &std::path::Path, part: Part) -> Result<Vec<u8>> {
        match self.files_of(part).count() {
            0 | 1 => self.read_file(folder, self.file(part)?),
            count => Err(Error::Model(format!(
                "reading part {part:?} of model {}: expected one file, got {count}; read its weights instead",
                self.name
            ))),
        }
    }

    /// Reads and checks one file of the folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_file(&self, folder: &std::path::Path, file: &PartFile) -> Result<Vec<u8>> {
        let path = folder.join(&file.file);
        let bytes = std::fs::read(&path).map_err(crate::error::io("reading", &path))?;
        check_hash(&file.file, &file.sha256, &bytes)?;
        Ok(bytes)
    }

    /// Reads and checks the weights of a part, of all its files.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn weights(&self, folder: &std::path::Path, part: Part) -> Result<Checkpoint> {
        self.file(part)?;
        let mut weights = Checkpoint::default();
        for file in self.files_of(part) {
            weights.append(Checkpoint::from_bytes(&self.read_file(folder, file)?)?)?;
        }
        Ok(weights)
    }
}
