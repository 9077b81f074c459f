//! Which column of WooCommerce's product CSV is which. Its headers are translated, its order and what stands in `Type` and
//! in the visibility are not: names that are known, and those two columns by their content, hold the others in place.

use crate::feeds::table::Table;
use std::collections::HashMap;

/// The exporter's columns in their order, each with names that are known; those that start with `?` came with a later
/// version or are left out where they are not used.
const ORDER: [(&str, &str); 41] = [
    ("id", "ID"),
    ("type", "Type, Typ, Tipo, Rodzaj, Tür, Tyyppi"),
    ("sku", "SKU, Artikelnummer, UGS, REF, COD, Varenummer, Artikelnr, Stok kodu (SKU)"),
    (
        "?gtin",
        "GTIN UPC EAN or ISBN, GTIN UPC EAN oder ISBN, GTIN UPC EAN o ISBN, GTIN UPC EAN ou ISBN, GTIN UPC EAN of ISBN",
    ),
    ("name", "Name, Nom, Nombre, Naam, Nome, Nazwa, Navn, Namn, İsim"),
    (
        "published",
        "Published, Veröffentlicht, Publié, Publicado, Gepubliceerd, Pubblicato, Opublikowano, Udgivet, Publicerad, Yayımlanmış",
    ),
    (
        "featured",
        "Is featured?, Ist hervorgehoben?, Mis en avant ?, ¿Está destacado?, Uitgelicht?, In primo piano?, Em destaque?",
    ),
    (
        "visibility",
        "Visibility in catalog, Sichtbarkeit im Katalog, Visibilité dans le catalogue, Visibilidad en el catálogo, \
        Zichtbaarheid in catalogus, Visibilità nel catalogo, Visibilidade no catálogo, Widoczność w katalogu",
    ),
    (
        "short",
        "Short description, Kurzbeschreibung, Description courte, Descripción corta, Korte omschrijving, \
        Korte beschrijving, Breve descrizione, Descrição curta, Krótki opis",
    ),
    (
        "description",
        "Description, Beschreibung, Descripción, Beschrijving, Descrizione, Descrição, Opis, Beskrivelse, Beskrivning",
    ),
    (
        "sale_from",
        "Date sale price starts, Datum an dem Angebotspreis beginnt, Date de début de promo, \
        Día en que empieza el precio rebajado, Startdatum actieprijs, Data di inizio del prezzo in saldo",
    ),
    (
        "sale_to",
        "Date sale price ends, Datum an dem Angebotspreis endet, Date de fin de promo, \
        Día en que termina el precio rebajado, Einddatum actieprijs, Data di fine del prezzo in saldo",
    ),
    ("tax_status", "Tax status, Steuerstatus, État de la TVA, Estado del impuesto, Btw status"),
    ("tax_class", "Tax class, Steuerklasse, Classe de TVA, Classe TVA, Clase de impuesto, Belastingklasse"),
    (
        "in_stock",
        "In stock?, Vorrätig?, En stock ?, ¿Existencias?, ¿En inventario?, Op voorraad?, In stock?, Em estoque?, En inventaire?",
    ),
    ("stock", "Stock, Bestand, Lager, Inventario, Voorraad, Magazzino, Estoque, Stan magazynowy, Inventaire"),
    (
        "?low_stock",
        "Low stock amount, Geringe Lagermenge, Montant de stock faible, Cantidad de bajo inventario, Lage voorraad",
    ),
    (
        "backorders",
        "Backorders allowed?, Lieferrückstande erlaubt?, Lieferrückstände erlaubt?, \
        Autoriser les commandes de produits en rupture ?, ¿Permitir reservas de productos agotados?, Nabestellingen toestaan?",
    ),
    (
        "individually",
        "Sold individually?, Nur einzeln verkaufen?, Vendre individuellement ?, ¿Vendido individualmente?, Wordt individueel verkocht?",
    ),
    ("weight", "Weight (kg), Gewicht (kg), Poids (kg), Peso (kg)"),
    ("length", "Length (cm), Länge (cm), Longueur (cm), Longitud (cm), Lengte (cm)"),
    ("width", "Width (cm), Breite (cm), Largeur (cm), Anchura (cm), Breedte (cm)"),
    ("height", "Height (cm), Höhe (cm), Hauteur (cm), Altura (cm), Hoogte (cm)"),
    (
        "reviews",
        "Allow customer reviews?, Kundenrezensionen erlauben?, Autoriser les avis clients ?, Klantbeoordelingen toestaan?",
    ),
    ("note", "Purchase note, Hinweis zum Kauf, Note de commande, Note de l’achat, Nota de compra, Aankoopnotitie"),
    (
        "sale_price",
        "Sale price, Angebotspreis, Tarif promo, Prix promo, Precio rebajado, Actieprijs, Prezzo in offerta, Preço promocional",
    ),
    (
        "regular_price",
        "Regular price, Regulärer Preis, Normalpreis, Tarif régulier, Prix normal, Prix de base, Precio normal, \
        Reguliere prijs, Prezzo di listino, Preço normal, Cena podstawowa",
    ),
    (
        "categories",
        "Categories, Kategorien, Catégories, Categorías, Categorieën, Categorie, Categorias, Kategorie, Kategorier",
    ),
    ("tags", "Tags, Schlagwörter, Étiquettes, Etiquetas, Tag, Tagi"),
    ("shipping_class", "Shipping class, Versandklasse, Classe de livraison, Clase de envío, Verzendklasse"),
    ("images", "Images, Bilder, Imágenes, Afbeeldingen, Immagini, Imagens, Obrazki, Obrazy, Billeder"),
    ("download_limit", "Download limit, Downloadlimit, Limite de téléchargement, Límite de descargas, Downloadlimiet"),
    (
        "download_expiry",
        "Download expiry days, Ablauftage des Downloads, Jours d’expiration du téléchargement, \
        Días de caducidad de la descarga, Dagen vervaltijd download",
    ),
    ("parent", "Parent, Übergeordnetes Produkt, Superior, Hoofd, Genitore, Ascendente, Principal"),
    (
        "grouped",
        "Grouped products, Gruppierte Produkte, Groupes de produits, Produits groupés, Productos agrupados, Gegroepeerde producten",
    ),
    ("upsells", "Upsells, Zusatzverkäufe, Produits suggérés, Ventas dirigidas, Up-Sells"),
    ("cross_sells", "Cross-sells, Cross-Sells (Querverkäufe), Ventes croisées, Ventas cruzadas"),
    ("external_url", "External URL, Externe URL, URL externe, URL externa, URL esterno"),
    ("button", "Button text, Button-Text, Libellé du bouton, Texto del botón, Knop tekst"),
    ("position", "Position, Posición, Positie, Posizione, Posição"),
    ("?brands", "Brands, Marken, Marques, Marcas, Merken, Marchi, Marki, Brand"),
];

/// Kinds of products; they are not translated.
const TYPES: [&str; 12] = [
    "simple",
    "variable",
    "variation",
    "grouped",
    "external",
    "subscription",
    "variable-subscription",
    "subscription_variation",
    "bundle",
    "composite",
    "booking",
    "yith_bundle",
];
const VISIBILITIES: [&str; 4] = ["visible", "catalog", "search", "hidden"];

/// The columns of one attribute.
#[derive(Debug, PartialEq)]
pub struct Attribute {
    pub name: usize,
    pub values: usize,
    pub visible: Option<usize>,
}

/// Positions of the columns.
#[derive(Debug, Default)]
pub struct Headers {
    roles: HashMap<&'static str, usize>,
    /// Columns of attributes.
    pub attributes: Vec<Attribute>,
}

impl Headers {
    /// Finds the columns; none where this is no such table.
    pub fn of(table: &Table) -> Option<Self> {
        let kind = column_of(table, &TYPES)?;
        let numbered = numbered(table);
        let mut roles = HashMap::new();
        for (role, names) in ORDER {
            let names: Vec<&str> = names.split(',').collect();
            if let Some(at) = table.column(&names) {
                roles.insert(role.trim_start_matches('?'), at);
            }
        }
        let visibility = column_of(table, &VISIBILITIES);
        if visibility.is_none() && roles.len() < 4 {
            return None;
        }
        roles.insert("type", kind);
        roles.extend(visibility.map(|at| ("visibility", at)));
        let end = numbered.first().map_or(table.header.len(), |run| run[0]);
        let meta = table.header.iter().position(|name| name.contains("Meta:")).unwrap_or(end);
        fill(&mut roles, end.min(meta));
        Some(Self { roles, attributes: attributes(table, &numbered) })
    }

    /// The column of that role.
    pub fn get(&self, role: &str) -> Option<usize> {
        self.roles.get(role).copied()
    }
}

/// The column in which these words alone stand, each before a comma.
fn column_of(table: &Table, words: &[&str]) -> Option<usize> {
    let is_one = |at: usize| {
        let cells = table.rows.iter().take(200).map(|row| row.get(Some(at))).filter(|cell| !cell.is_empty());
        let (mut all, mut ours) = (0, 0);
        for cell in cells {
            all += 1;
            ours += usize::from(words.contains(&cell.split(',').next().unwrap_or_default().trim()));
        }
        ours > 0 && 10 * ours >= 9 * all
    };
    (0..table.header.len()).find(|at| is_one(*at))
}

/// Gives columns between two known ones their roles where as many lie between them as the exporter writes.
fn fill(roles: &mut HashMap<&'static str, usize>, end: usize) {
    let optional: Vec<&str> = ORDER.iter().map(|(role, _)| *role).filter(|role| role.starts_with('?')).collect();
    let best = (0..1usize << optional.len()).filter_map(|set| {
        let there = |role: &str| optional.iter().position(|one| *one == role).is_none_or(|at| set >> at & 1 == 1);
        let order: Vec<&'static str> = ORDER
            .iter()
            .map(|(role, _)| *role)
            .filter(|role| there(role))
            .map(|role| role.trim_start_matches('?'))
            .collect();
        Some((between(&order, roles, end)?, set))
    });
    // of equals the one with the older columns
    if let Some((found, _)) = best.max_by_key(|(found, set)| (found.len(), std::cmp::Reverse(*set))) {
        for (role, at) in found {
            roles.entry(role).or_insert(at);
        }
    }
}

/// Roles of the columns between known ones, if the known ones stand in this order.
fn between(
    order: &[&'static str],
    known: &HashMap<&'static str, usize>,
    end: usize,
) -> Option<HashMap<&'static str, usize>> {
    let mut found = HashMap::new();
    let (mut role, mut column) = (0usize, 0usize);
    let anchors = order.iter().enumerate().filter_map(|(i, name)| Some((i, *known.get(name)?)));
    for (next_role, next_column) in anchors.chain([(order.len(), end)]) {
        if next_column < column {
            return None;
        }
        if next_role - role == next_column - column {
            found.extend((role..next_role).map(|i| (order[i], column + i - role)));
        }
        (role, column) = (next_role + 1, next_column + 1);
        if next_role < order.len() {
            found.insert(order[next_role], next_column);
        }
    }
    Some(found)
}

/// Runs of neighbouring columns with the same number in their names, such as `Attribute 1 name`, `Attribute 1 value(s)`.
fn numbered(table: &Table) -> Vec<Vec<usize>> {
    let number = |name: &str| -> Option<u32> {
        if name.contains("Meta:") {
            return None;
        }
        name.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
    };
    let mut runs: Vec<(u32, Vec<usize>)> = Vec::new();
    for (at, name) in table.header.iter().enumerate() {
        match (number(name), runs.last_mut()) {
            (Some(n), Some((last, run))) if *last == n && run[run.len() - 1] + 1 == at => run.push(at),
            (Some(n), _) => runs.push((n, vec![at])),
            (None, _) => {}
        }
    }
    runs.into_iter().map(|(_, run)| run).filter(|run| run.len() >= 2).collect()
}

/// Attributes have a name, values, and whether they are visible and global. Downloads, which have numbers too, have a
/// name and an address, and before them an id in newer versions.
fn attributes(table: &Table, runs: &[Vec<usize>]) -> Vec<Attribute> {
    let has_addresses = |at: usize| {
        table.rows.iter().map(|row| row.get(Some(at))).any(|cell| cell.starts_with("http") || cell.starts_with("/"))
    };
    let is_download = |run: &Vec<usize>| {
        let named = ["download", "descarga", "télécharg"]
            .iter()
            .any(|word| run.iter().any(|at| table.header[*at].to_lowercase().contains(word)));
        named || (run.len() < 4 && run.last().is_some_and(|at| has_addresses(*at)))
    };
    let attributes = runs.iter().filter(|run| !is_download(run));
    attributes.map(|run| Attribute { name: run[0], values: run[1], visible: run.get(2).copied() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::names::plain;

    /// Headers in a language that nobody has listed: the order alone tells.
    #[test]
    fn headers_in_any_language_are_found_by_their_order() {
        let letters = |n: usize| -> Vec<String> {
            (0..n).map(|i| format!("столбец{}", char::from(b'a' + i as u8 % 26)) + &"x".repeat(i / 26)).collect()
        };
        for without in [vec![], vec!["?gtin"], vec!["?gtin", "?low_stock", "?brands"], vec!["?brands"]] {
            let order: Vec<&str> = ORDER.iter().map(|(role, _)| *role).filter(|role| !without.contains(role)).collect();
            let mut names = letters(order.len());
            names.extend(
                ["Атрибут 1 имя", "Атрибут 1 значения", "Атрибут 1 видим", "Атрибут 1 глобальный"].map(String::from),
            );
            let cell = |role: &&str| match *role {
                "type" => "variable".to_string(),
                "visibility" => "visible".into(),
                role => format!("{role} of it"),
            };
            let cells: Vec<String> =
                order.iter().map(cell).chain(["Цвет", "Синий", "1", "1"].map(String::from)).collect();
            let table = Table::read(&format!("{}\n{}\n", names.join(","), cells.join(",")));
            let headers = Headers::of(&table).unwrap();
            for (at, role) in order.iter().enumerate() {
                assert_eq!(headers.get(role.trim_start_matches('?')), Some(at), "{role} without {without:?}");
            }
            let at = order.len();
            assert_eq!(headers.attributes, [Attribute { name: at, values: at + 1, visible: Some(at + 2) }]);
        }
    }

    #[test]
    fn a_choice_of_columns_is_found_by_their_names() {
        let table = Table::read(
            "Nom,Type,UGS,Tarif promo,Tarif régulier,Images,Téléchargement 1 nom,Téléchargement 1 URL\nRobe,simple,r,,5,a.jpg,x,https://x.example/f\n",
        );
        let headers = Headers::of(&table).unwrap();
        let roles =
            ["name", "type", "sku", "sale_price", "regular_price", "images", "published"].map(|role| headers.get(role));
        assert_eq!(roles, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None]);
        assert!(headers.attributes.is_empty());
    }

    #[test]
    fn names_of_roles_are_read_as_they_are_written() {
        for (_, names) in ORDER {
            assert!(names.split(',').all(|name| !plain(name).is_empty()));
        }
    }
}
