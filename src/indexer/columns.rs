//! Which columns of a file of metadata the catalog publishes. What a shop's file holds beside what visitors should see
//! (costs, stock, suppliers, barcodes) is nobody's business: a column is published only if its name says that it is a
//! usual attribute, or if the owner names it.

use crate::error::{Error, Result};
use crate::feeds::names::{plain, usual};
use serde::Serialize;
use std::path::Path;

/// Columns that are more than attributes, by what they are for. The first of the names that is there is taken.
const IDS: [&str; 5] = ["id", "sku", "asin", "image", "photo"];
const TITLES: [&str; 4] = ["title", "name", "productDisplayName", "label"];
const LINKS: [&str; 3] = ["link", "url", "href"];
const PRICES: [&str; 1] = ["price"];
/// Columns of descriptions, which no catalog publishes.
const DESCRIPTIONS: [&str; 8] = [
    "description",
    "product description",
    "long description",
    "beschreibung",
    "artikelbeschreibung",
    "descripción",
    "descrizione",
    "descrição",
];
/// Columns that name a photo where the id does not.
const SKUS: [&str; 21] = [
    "sku",
    "variant sku",
    "product sku",
    "asin",
    "ean",
    "gtin",
    "barcode",
    "upc",
    "mpn",
    "item number",
    "article number",
    "product number",
    "product code",
    "code",
    "reference",
    "artikelnummer",
    "artikel nr",
    "artikelnr",
    "référence",
    "referencia",
    "product id",
];
const FILES: [&str; 26] = [
    "image",
    "images",
    "image link",
    "image url",
    "image urls",
    "image src",
    "main image",
    "additional images",
    "additional image link",
    "photo",
    "photos",
    "photo url",
    "picture",
    "pictures",
    "picture url",
    "img",
    "file",
    "filename",
    "file name",
    "bild",
    "bilder",
    "bild url",
    "foto",
    "fotos",
    "imagen",
    "immagine",
];

/// The columns of a file of metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Columns {
    /// Those that the catalog publishes, in the order of the file.
    pub published: Vec<String>,
    /// Those that it does not.
    pub kept_back: Vec<String>,
    #[serde(skip)]
    pub(super) names: Vec<String>,
    #[serde(skip)]
    pub(super) id: usize,
    #[serde(skip)]
    pub(super) title: Option<usize>,
    #[serde(skip)]
    pub(super) link: Option<usize>,
    #[serde(skip)]
    pub(super) price: Option<usize>,
    #[serde(skip)]
    pub(super) description: Option<usize>,
    /// Positions of the columns that name a photo where the id does not: by a number, and by a file.
    #[serde(skip)]
    pub(super) skus: Vec<usize>,
    #[serde(skip)]
    pub(super) files: Vec<usize>,
    /// Positions of the columns that are published as attributes.
    #[serde(skip)]
    pub(super) attributes: Vec<usize>,
}

impl Columns {
    /// Sorts the columns of `file` into those that are published and the others. `named` are those that the owner names
    /// beside the usual ones.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file without an id column, and for names that are no columns of it.
    pub(super) fn of(file: &Path, names: Vec<String>, named: &[String]) -> Result<Self> {
        let list = names.join(", ");
        let find = |wanted: &[&str]| wanted.iter().find_map(|w| names.iter().position(|n| n.eq_ignore_ascii_case(w)));
        let wrong = |expected: String, next: &str| {
            Error::Argument(format!("reading {}: expected {expected}, got {list}; {next}", file.display()))
        };
        let id = find(&IDS).ok_or_else(|| wrong("a column named id".into(), "rename it"))?;
        if let Some(unknown) = named.iter().find(|named| !names.iter().any(|name| plain(name) == plain(named))) {
            return Err(wrong(format!("a column named {unknown:?}, as --attributes says"), "name one of these"));
        }
        let (title, link, price) = (find(&TITLES), find(&LINKS), find(&PRICES));
        let taken = [Some(id), title, link, price];
        let public = |name: &str| usual(name) || named.iter().any(|public| plain(public) == plain(name));
        // a column without a name is no attribute
        let attribute = |&i: &usize| !taken.contains(&Some(i)) && !names[i].is_empty() && public(&names[i]);
        let attributes: Vec<usize> = (0..names.len()).filter(attribute).collect();
        let (published, kept_back) =
            (0..names.len()).partition::<Vec<_>, _>(|i| taken.contains(&Some(*i)) || attributes.contains(i));
        let [published, kept_back] =
            [published, kept_back].map(|of| of.into_iter().map(|i| names[i].clone()).collect());
        let others = |wanted: &[&str]| {
            let named = |&i: &usize| i != id && wanted.iter().any(|wanted| plain(wanted) == plain(&names[i]));
            (0..names.len()).filter(named).collect::<Vec<_>>()
        };
        let (skus, files) = (others(&SKUS), others(&FILES));
        let description = others(&DESCRIPTIONS).first().copied();
        Ok(Self { published, kept_back, names, id, title, link, price, description, skus, files, attributes })
    }

    /// Keeps attributes back; what is more than an attribute is published all the same.
    pub(super) fn hide(&mut self, hidden: impl Fn(&str) -> bool) {
        let gone = |name: &String| self.attributes.iter().any(|&i| self.names[i] == *name) && hidden(name);
        let (gone, published) = std::mem::take(&mut self.published).into_iter().partition(gone);
        self.published = published;
        self.kept_back.extend::<Vec<String>>(gone);
    }

    /// Says in a sentence which columns visitors will see and which not.
    pub fn sentence(&self) -> String {
        let list = |names: &[String]| if names.is_empty() { "none".to_string() } else { names.join(", ") };
        let more = if self.kept_back.is_empty() { "" } else { " (name those that visitors may see with --attributes)" };
        format!("columns published: {}; kept back: {}{more}", list(&self.published), list(&self.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &str, named: &[&str]) -> Result<Columns> {
        let named: Vec<String> = named.iter().map(|name| name.to_string()).collect();
        Columns::of(Path::new("items.csv"), names.split(',').map(str::to_string).collect(), &named)
    }

    /// What a shop's export holds beside what visitors should see.
    const PRIVATE: &str = "cost,Cost per item,purchase price,wholesale_price,margin,stock,Stock count,inventory,\
        qty,supplier,vendor,Vendor SKU,ean,GTIN,barcode,upc,mpn,isbn,weight,Weight (kg),tax,tax class,VAT,email,E-Mail,\
        phone,notes,internal note,location,warehouse,created_at,handle,status,split,w,h,width,height,highres,password,\
        Einkaufspreis,Lagerbestand,Lieferant,Gewicht,Steuerklasse,coût,proveedor,__proto__,constructor,hasOwnProperty";

    #[test]
    fn what_is_private_or_unknown_is_kept_back_unless_it_is_named() {
        for name in PRIVATE.split(',') {
            let kept = columns(&format!("id,title,{name},colour"), &[]).unwrap();
            assert_eq!(
                (kept.published, kept.kept_back),
                (vec!["id".into(), "title".into(), "colour".into()], vec![name.to_string()])
            );
            let named = columns(&format!("id,title,{name},colour"), &[name]).unwrap();
            assert_eq!((named.attributes, named.kept_back), (vec![2, 3], vec![]), "{name}");
        }
    }

    #[test]
    fn the_usual_attributes_are_published_however_they_are_spelt() {
        for name in [
            "Colour",
            "base_colour",
            "BASE COLOUR",
            "baseColour",
            "Article-Type",
            "product_type",
            "größe",
            "GRÖSSE",
            "Catégorie",
            "sleeve length",
        ] {
            let found = columns(&format!("id,{name}"), &[]).unwrap();
            assert_eq!(found.attributes, [1], "{name}");
        }
        let drawn = columns(&format!("id,split,title,{}", vitrine_demo::ATTRIBUTES.join(",")), &[]).unwrap();
        assert_eq!(drawn.kept_back, ["split"], "the drawn catalogue keeps its attributes");
        let products = "id,split,gender,masterCategory,subCategory,articleType,baseColour,usage,pattern,productDisplayName,w,h,highres";
        assert_eq!(columns(products, &[]).unwrap().attributes, [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            columns("asin,split,brand,color,product_type,title,w,h,fashioniq", &[]).unwrap().attributes,
            [2, 3, 4]
        );
        assert_eq!(columns("image,label,kids", &[]).unwrap().attributes, [2]);
    }

    #[test]
    fn one_column_has_one_use_and_others_with_its_meaning_are_kept_back() {
        let found = columns("sku,id,name,title,url,link,price", &[]).unwrap();
        assert_eq!(found.published, ["id", "title", "link", "price"]);
        assert_eq!(found.kept_back, ["sku", "name", "url"]);
    }

    #[test]
    fn names_that_are_no_columns_are_refused() {
        let error = columns("id,cost", &["fancy"]).unwrap_err().to_string();
        assert!(error.contains("\"fancy\"") && error.contains("id, cost"), "{error}");
        assert!(columns("a,b", &[]).unwrap_err().to_string().contains("a column named id"));
        assert!(columns("id,Stock Count", &["stock_count"]).unwrap().kept_back.is_empty());
    }
}
