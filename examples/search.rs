//! Searches a catalog folder with a photo and words, and prints the hits:
//! `cargo run --release --example search models/default CATALOG PHOTO WORDS`
use std::{error::Error, path::Path};
use vitrine::{Catalog, Cpu, Engine, Folder, Place, Query, Request, Shop, TextIndex};

pub fn search(model: &str, catalog: &str, photo: &str, words: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let (engine, folder) = (Engine::open(Cpu::new(), Path::new(model))?, Folder::open(Path::new(catalog))?);
    let (catalog, items) = (Catalog::of_folder(&folder, Some(&engine.description().fingerprint))?, folder.items()?);
    let (index, photo) = (TextIndex::of(&items), std::fs::read(photo)?);
    let query = Query { photo: Some(&photo), text: Some(words), like: None };
    let shop = Some(Shop::new(&index, catalog.index()));
    let place = Place { vectors: catalog.index(), shop, relevance: None, rows: items.len() };
    let found = pollster::block_on(engine.search(Request { query, k: 10, ..Request::default() }, &place))?;
    Ok(found.hits.iter().map(|hit| format!("{:.3} {}", hit.score, items[hit.row as usize].id)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, catalog, photo, words] = &arguments[..] else { Err("expected MODEL CATALOG PHOTO WORDS")? };
    search(model, catalog, photo, words).map(|hits| hits.iter().for_each(|hit| println!("{hit}")))
}
