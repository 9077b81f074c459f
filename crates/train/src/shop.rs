//! What answers what among a shop's own photos. What is not known for certain to be wrong is masked, since a shop has many
//! products that fit one text, and says little of each.

use super::data::{Data, Origin, Says, Shop};
use super::loss::Relation;

/// Titles that share this much of their words may be of one garment in two sizes or in two listings.
const LIKE: f32 = 0.7;

/// The shop, where both items are its photos.
fn of(data: &Data, a: usize, b: usize) -> Option<&Shop> {
    let is_product = |i: usize| data.items[i].origin == Origin::Product;
    data.shop.as_ref().filter(|_| is_product(a) && is_product(b))
}

/// What a photo is to a text about another; none unless both are a shop's own.
pub fn text_relation(data: &Data, target: usize, says: &Says, photo: usize) -> Option<Relation> {
    let shop = of(data, target, photo)?;
    Some(match says {
        _ if shop.same_product(target, photo) => Relation::Positive,
        Says::Attributes(used) => agreement(data, shop, [target, photo], used.iter().copied()),
        Says::Title if data.items[target].title == data.items[photo].title => Relation::Positive,
        Says::Title if alike(shop, target, photo) => Relation::Ignored,
        Says::Title | Says::Kind => Relation::Negative,
    })
}

/// What a photo that is no known answer is to a change that leads from a reference to a target.
pub fn composed_relation(data: &Data, reference: usize, target: usize, photo: usize) -> Option<Relation> {
    let shop = of(data, target, photo)?;
    Some(match () {
        _ if shop.same_product(target, photo) => Relation::Positive,
        _ if shop.same_product(reference, photo) => Relation::Ignored,
        _ => match agreement(data, shop, [target, photo], seen(data)) {
            Relation::Negative => Relation::Negative,
            // lists of answers are cut at a length
            _ => Relation::Ignored,
        },
    })
}

/// What a photo is to another as the query.
pub fn photo_relation(data: &Data, query: usize, photo: usize) -> Option<Relation> {
    let shop = of(data, query, photo)?;
    let agrees = |a: usize| {
        let (x, y) = (data.items[query].attributes[a], data.items[photo].attributes[a]);
        x != 0 && y != 0 && shop.may_agree(a, x, y)
    };
    Some(match agreement(data, shop, [query, photo], seen(data)) {
        _ if shop.same_product(query, photo) => Relation::Positive,
        _ if alike(shop, query, photo) => Relation::Ignored,
        Relation::Negative => Relation::Negative,
        // nothing that is known tells them apart
        _ if seen(data).any(agrees) => Relation::Ignored,
        _ => Relation::Negative,
    })
}

/// Attributes that a photo shows.
pub fn seen(data: &Data) -> impl Iterator<Item = usize> {
    (0..data.roles.len()).filter(|&attribute| data.roles[attribute].is_seen())
}

/// Whether two garments agree in attributes: negative where one is known to differ, ignored where one is not known of
/// both or only near, else positive.
pub fn agreement(data: &Data, shop: &Shop, [a, b]: [usize; 2], used: impl Iterator<Item = usize>) -> Relation {
    let mut open = false;
    for attribute in used {
        let (x, y) = (data.items[a].attributes[attribute], data.items[b].attributes[attribute]);
        match () {
            _ if x == 0 || y == 0 => open = true,
            _ if x == y => {}
            _ if shop.may_agree(attribute, x, y) => open = true,
            _ => return Relation::Negative,
        }
    }
    if open { Relation::Ignored } else { Relation::Positive }
}

/// Whether two titles share most of their words.
fn alike(shop: &Shop, a: usize, b: usize) -> bool {
    let words = |i: usize| shop.title_words.get(i).map(Vec::as_slice).unwrap_or_default();
    let (a, b) = (words(a), words(b));
    let both = a.iter().filter(|word| b.binary_search(word).is_ok()).count();
    let all = a.len() + b.len() - both;
    both > 0 && both as f32 >= LIKE * all as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Item, Role, Split};
    use Relation::{Ignored, Negative, Positive};

    /// Products 0 to 6 of a shop with kind, color and brand, and a drawn garment at 8.
    fn data() -> Data {
        let words = |words: &str| std::iter::once("").chain(words.split(' ')).map(str::to_string).collect();
        // kind, color, brand; title
        let rows: [(u32, [u16; 3], &str); 8] = [
            (0, [1, 1, 1], "red dress Ida"),
            (0, [1, 1, 1], "red dress Ida"), // another photo of it
            (1, [1, 2, 1], "blue dress Ida"),
            (2, [1, 1, 2], "scarlet gown"),
            (3, [2, 1, 1], "red shirt"),
            (4, [1, 0, 1], "dress Ida long"), // its color is unknown
            (5, [1, 3, 1], "dark red dress Ola"),
            (6, [0, 0, 0], "something else"),
        ];
        let mut data = Data { roles: vec![Role::Kind, Role::Color, Role::Unseen("brand".into())], ..Data::default() };
        data.words = vec![words("dress shirt"), words("red blue dark-red"), words("ida ola")];
        let mut shop = Shop { near: vec![[].into(), [(1, 3)].into(), [].into()], ..Shop::default() };
        for (i, (product, attributes, title)) in rows.into_iter().enumerate() {
            let (id, attributes) = (i.to_string(), attributes.to_vec());
            let (origin, split, title) = (Origin::Product, Split::Train, title.to_string());
            data.items.push(Item { id, origin, split, photos: vec![], title, attributes, kinds: 0 });
            shop.product.push(product);
        }
        let drawn = (Origin::Drawn, Split::Train);
        let (id, title, attributes) = ("g".to_string(), "red dress".to_string(), vec![0; 3]);
        data.items.push(Item { id, origin: drawn.0, split: drawn.1, photos: vec![], title, attributes, kinds: 0 });
        shop.title_words =
            vec![vec![1, 2, 3], vec![1, 2, 3], vec![2, 3, 4], vec![5, 6], vec![1, 7], vec![2, 3, 8], vec![1, 2, 3, 9]];
        data.shop = Some(shop);
        data
    }

    #[test]
    fn what_may_be_right_is_masked() {
        let data = data();
        let row = |f: &dyn Fn(usize) -> Option<Relation>| (0..8).map(|i| f(i).unwrap()).collect::<Vec<_>>();
        let by_text = |says: Says| row(&|i| text_relation(&data, 0, &says, i));
        assert_eq!(
            by_text(Says::Title),
            [Positive, Positive, Negative, Negative, Negative, Negative, Ignored, Negative],
            "a title: its product's photos, and titles that share three words of four are masked"
        );
        assert_eq!(
            by_text(Says::Attributes(vec![0, 1])),
            [Positive, Positive, Negative, Positive, Negative, Ignored, Ignored, Ignored],
            "a phrase: known, unknown and near values"
        );
        // "but red" from the blue dress
        assert_eq!(
            row(&|i| composed_relation(&data, 2, 0, i)),
            [Positive, Positive, Ignored, Ignored, Negative, Ignored, Ignored, Ignored]
        );
        assert_eq!(
            row(&|i| photo_relation(&data, 0, i)),
            [Positive, Positive, Negative, Ignored, Negative, Ignored, Ignored, Negative]
        );
        assert_eq!(text_relation(&data, 0, &Says::Title, 8), None, "a drawn garment is none of the shop's");
    }
}
