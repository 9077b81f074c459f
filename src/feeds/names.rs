//! Names of columns and attributes: which of them tell the same, and which visitors may see.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Attributes that are published without being named, in English and as German, French, Spanish and Italian shops write
/// them. Case, blanks, underscores and hyphens do not count.
const USUAL: &str = "\
    category, categories, master category, sub category, product category, main category, department, kind, type, \
    product type, article type, item type, garment, garment type, product group, collection, series, \
    Kategorie, Warengruppe, Produktart, catégorie, categoría, categoria, tipo, \
    brand, designer, gender, sex, age group, kids, target group, Marke, marque, marca, Geschlecht, Zielgruppe, genre, \
    sexe, género, genere, \
    colour, color, colours, colors, base colour, base color, main colour, main color, colour name, color name, \
    colour family, color family, shade, pattern, print, motif, design, style, look, shape, silhouette, finish, \
    texture, embellishment, Farbe, couleur, colore, Muster, motivo, \
    material, materials, fabric, fabric type, composition, lining, leather, knit, wash, Stoff, matière, tissu, \
    tejido, tessuto, materiale, \
    neckline, neck, neck type, collar, sleeve, sleeves, sleeve length, sleeve type, length, hem, fit, cut, rise, \
    waist, waistline, closure, fastening, pocket, pockets, strap, heel, heel height, heel type, toe, toe shape, sole, \
    transparency, Ausschnitt, Ärmel, Ärmellänge, Passform, Verschluss, Absatz, \
    size, sizes, size group, size type, size system, Größe, Grösse, Groesse, taille, talla, taglia, \
    usage, occasion, activity, sport, season, seasons, year, theme, condition, care, Anlass, Saison, temporada, stagione";

/// Letters and digits alone, in lower case: two spellings that a person takes for one name.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Several names with commas between them, each as [`plain`] makes it.
pub fn plain_set(names: &str) -> HashSet<String> {
    names.split(',').map(plain).collect()
}

/// Whether an attribute of this name is published without being named by the owner.
pub fn usual(name: &str) -> bool {
    static ALL: LazyLock<HashSet<String>> = LazyLock::new(|| plain_set(USUAL));
    ALL.contains(&plain(name))
}
