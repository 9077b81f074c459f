//! Silhouettes: from attributes to panels, one file a family of garments.

mod accessories;
mod bottoms;
mod outerwear;
mod shoes;
mod tops;
mod torso;

use rand_chacha::ChaCha8Rng;

use super::fabric::Texture;
use super::garments::Item;
use super::palette::Palette;
use super::scene::Scene;

/// What every drawing needs to know.
pub struct Cut<'a> {
    /// The garment.
    pub item: &'a Item,
    /// Its colours.
    pub palette: &'a Palette,
    /// Its fabric's surface.
    pub texture: Texture,
}

impl Cut<'_> {
    /// Whether an attribute has a value.
    pub fn is(&self, attribute: &str, value: &str) -> bool {
        self.item.get(attribute) == Some(value)
    }

    /// One of two or three measures by the value of an attribute; the last one where none fits.
    pub fn by<T: Copy, const N: usize>(&self, attribute: &str, measures: [(&str, T); N]) -> T {
        let value = self.item.get(attribute);
        measures.iter().find(|(name, _)| Some(*name) == value).unwrap_or(&measures[N - 1]).1
    }
}

/// Lays out the panels of an item.
pub fn scene(item: &Item, palette: &Palette, rng: &mut ChaCha8Rng) -> Scene {
    let cut = Cut { item, palette, texture: Texture::of(item.get("fabric").unwrap_or("cotton")) };
    let mut scene = Scene::default();
    match item.get("category").unwrap_or_default() {
        "dress" => tops::dress(&mut scene, &cut, rng),
        "shirt" => tops::shirt(&mut scene, &cut, rng),
        "t-shirt" => tops::tee(&mut scene, &cut, rng),
        "blouse" => tops::blouse(&mut scene, &cut, rng),
        "jumper" => tops::jumper(&mut scene, &cut, rng),
        "cardigan" => outerwear::cardigan(&mut scene, &cut, rng),
        "hoodie" => outerwear::hoodie(&mut scene, &cut, rng),
        "jacket" => outerwear::jacket(&mut scene, &cut, rng),
        "blazer" => outerwear::tailored(&mut scene, &cut, rng),
        "coat" => outerwear::tailored(&mut scene, &cut, rng),
        "skirt" => bottoms::skirt(&mut scene, &cut, rng),
        "trousers" | "jeans" | "shorts" => bottoms::trousers(&mut scene, &cut, rng),
        "trainers" => shoes::trainers(&mut scene, &cut),
        "pumps" => shoes::pumps(&mut scene, &cut),
        "boots" => shoes::boots(&mut scene, &cut),
        "bag" => accessories::bag(&mut scene, &cut),
        "scarf" => accessories::scarf(&mut scene, &cut, rng),
        _ => accessories::hat(&mut scene, &cut),
    }
    scene
}
