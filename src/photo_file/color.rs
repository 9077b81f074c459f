//! What a photo's numbers mean: what its file says of its colors, not what they are in sRGB (see `image/color.rs`).

use super::refuse;
use crate::error::{Reason, Result};
use std::io::Read;

/// A larger color profile is refused, in bytes: those of printers take 3 MB.
const MAX_PROFILE: u64 = 4 << 20;

/// What a file says of its colors.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Color {
    /// Nothing: they are those of sRGB, or inks without a profile.
    #[default]
    Unsaid,
    /// Inks of a JPEG by Adobe's programs, which write how much paper is left, not how much ink there is.
    InvertedInks(Option<Vec<u8>>),
    /// A color profile.
    Profile(Vec<u8>),
    /// Numbers of a table (H.273) for the primaries and the curve.
    Coded {
        /// The primaries.
        primaries: u8,
        /// The curve.
        transfer: u8,
    },
    /// A power, and where the white point and the primaries lie: x and y of white, red, green, blue.
    Measured {
        /// The power that turns a number into light.
        gamma: f64,
        /// The places, if they are not those of sRGB.
        places: Option<[f64; 8]>,
    },
}

impl Color {
    /// Of the pieces of a profile in a JPEG, each behind its number and how many there are.
    pub(super) fn of_jpeg(mut pieces: Vec<&[u8]>, inverted: bool) -> Self {
        pieces.retain(|piece| piece.len() > 2);
        pieces.sort_by_key(|piece| piece[0]);
        let whole = pieces
            .iter()
            .enumerate()
            .all(|(at, piece)| usize::from(piece[0]) == at + 1 && usize::from(piece[1]) == pieces.len());
        let profile: Vec<u8> = pieces.iter().flat_map(|piece| &piece[2..]).copied().collect();
        let profile = Some(profile).filter(|profile| whole && !profile.is_empty());
        match (inverted, profile) {
            (true, profile) => Self::InvertedInks(profile),
            (false, Some(profile)) => Self::Profile(profile),
            (false, None) => Self::Unsaid,
        }
    }

    /// The profile, if there is one.
    pub fn profile(&self) -> Option<&[u8]> {
        match self {
            Self::Profile(profile) | Self::InvertedInks(Some(profile)) => Some(profile),
            _ => None,
        }
    }
}

/// What a PNG's chunks say: the newer ones count before the older ones.
#[derive(Default)]
pub(super) struct OfPng {
    profile: Option<Vec<u8>>,
    seen: bool,
    coded: Option<(u8, u8)>,
    srgb: bool,
    gamma: Option<f64>,
    places: Option<[f64; 8]>,
}

impl OfPng {
    /// Takes a packed color profile and says whether it is kept: the first one, if it can be unpacked.
    pub fn take_profile(&mut self, body: &[u8]) -> Result<bool> {
        if std::mem::replace(&mut self.seen, true) {
            return Ok(false);
        }
        self.profile = unpacked(body)?;
        Ok(self.profile.is_some())
    }

    pub fn take(&mut self, name: &[u8; 4], body: &[u8]) {
        let number = |at: usize| {
            let bytes = body.get(4 * at..4 * at + 4)?.try_into().ok()?;
            Some(f64::from(u32::from_be_bytes(bytes)) / 100_000.0)
        };
        match (name, body) {
            (b"cICP", [primaries, transfer, ..]) => self.coded = Some((*primaries, *transfer)),
            (b"sRGB", _) => self.srgb = true,
            (b"gAMA", _) => self.gamma = number(0).filter(|gamma| *gamma > 0.0).map(|gamma| 1.0 / gamma),
            (b"cHRM", _) => {
                let all: Vec<f64> = (0..8).map_while(number).collect();
                self.places = all.try_into().ok();
            }
            _ => {}
        }
    }

    pub fn finish(self) -> Color {
        let srgb = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];
        let places = self.places.filter(|places| places.iter().zip(srgb).any(|(a, b)| (a - b).abs() > 0.002));
        match self {
            Self { coded: Some((primaries, transfer)), .. } => Color::Coded { primaries, transfer },
            Self { profile: Some(profile), .. } => Color::Profile(profile),
            Self { srgb: true, .. } => Color::Unsaid,
            // programs write 1/2.2 for sRGB itself
            Self { gamma: Some(gamma), .. } if places.is_some() || (gamma - 2.2).abs() > 0.05 => {
                Color::Measured { gamma, places }
            }
            _ => Color::Unsaid,
        }
    }
}

/// A packed color profile; one that is damaged counts for nothing.
fn unpacked(body: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(name) = body.iter().position(|&byte| byte == 0).filter(|&name| name + 2 <= body.len()) else {
        return Ok(None);
    };
    let mut profile = Vec::new();
    let read = flate2::read::ZlibDecoder::new(&body[name + 2..]).take(MAX_PROFILE + 1).read_to_end(&mut profile);
    match read {
        Ok(size) if size as u64 > MAX_PROFILE => Err(refuse(
            Reason::TooLarge,
            format!(
                "expected a color profile of at most {} MiB, got one that unpacks to more; save it without one",
                MAX_PROFILE >> 20
            ),
        )),
        Ok(_) => Ok(Some(profile)),
        Err(_) => Ok(None),
    }
}
