//! Changes that lead from one product of a shop to others: two products of one kind that differ in one attribute, or in two.

use crate::data::{Composed, Data, Role};
use crate::phrases;
use crate::shop::seen;
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use std::collections::BTreeMap;

/// Products that one is compared with.
const COMPARED: usize = 1500;
/// Answers of one query that are listed.
const ANSWERS: usize = 50;

/// Up to `each` queries for each product, given by its photos, and `most` in all.
pub fn composed(data: &Data, products: &[Vec<usize>], each: usize, most: usize, rng: &mut impl Rng) -> Vec<Composed> {
    let mut queries = Vec::new();
    for group in kinds(data, products) {
        for &reference in &group {
            let others: Vec<usize> = match group.len() > COMPARED {
                true => group.choose_multiple(rng, COMPARED).copied().collect(),
                false => group.clone(),
            };
            let mut found: Vec<(usize, Vec<usize>)> = answers(data, reference, &others)
                .into_iter()
                .collect::<Vec<_>>()
                .into_iter()
                .map(|(change, targets)| (change.len(), targets))
                .collect();
            found.shuffle(rng);
            // one change before two
            found.sort_by_key(|(changes, _)| *changes);
            for (_, targets) in found.into_iter().take(each) {
                let captions = phrases::changes(data, reference, targets[0], rng);
                let targets = targets.choose_multiple(rng, ANSWERS).copied().collect();
                queries.push(Composed { reference, captions, targets });
            }
        }
    }
    queries.shuffle(rng);
    queries.truncate(most);
    queries
}

/// The first photos of products by their kind; of all products, where the shop has no kinds.
fn kinds(data: &Data, products: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let kind = data.roles.iter().position(|role| *role == Role::Kind);
    let mut groups: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for photo in products.iter().filter_map(|photos| photos.first().copied()) {
        let known = kind.map(|kind| data.items[photo].attributes[kind]);
        if known != Some(0) {
            groups.entry(known.unwrap_or(0)).or_default().push(photo);
        }
    }
    groups.into_values().collect()
}

/// Products by what differs in them from a reference: one or two attributes, each with its other value. What is known of the
/// reference is known of them too.
fn answers(data: &Data, reference: usize, others: &[usize]) -> BTreeMap<Vec<(usize, u16)>, Vec<usize>> {
    let mut found: BTreeMap<Vec<(usize, u16)>, Vec<usize>> = BTreeMap::new();
    let own = &data.items[reference].attributes;
    let attributes: Vec<usize> = seen(data).filter(|&attribute| own[attribute] != 0).collect();
    for &other in others.iter().filter(|other| **other != reference) {
        let its = &data.items[other].attributes;
        if attributes.iter().any(|&attribute| its[attribute] == 0) {
            continue;
        }
        let differs = |&&attribute: &&usize| data.differs(reference, other, attribute);
        let change: Vec<(usize, u16)> = attributes.iter().filter(differs).map(|&a| (a, its[a])).collect();
        let same = attributes.iter().filter(|&&a| its[a] == own[a]).count();
        // a value that is only near is neither kept nor changed
        if (1..=2).contains(&change.len()) && same + change.len() == attributes.len() {
            found.entry(change).or_default().push(other);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Item, Origin, Shop, Split};
    use rand::SeedableRng;

    /// Products of a kind, a color and a pattern; 0 is unknown.
    fn data(rows: &[[u16; 3]]) -> Data {
        let words = |words: &str| std::iter::once("").chain(words.split(' ')).map(str::to_string).collect();
        let mut data = Data { roles: vec![Role::Kind, Role::Color, Role::Pattern], ..Data::default() };
        data.words = vec![words("dress shirt"), words("red blue navy-blue"), words("plain striped")];
        for (i, attributes) in rows.iter().enumerate() {
            let (id, title, attributes) = (i.to_string(), format!("product {i}"), attributes.to_vec());
            let (origin, split) = (Origin::Product, Split::Train);
            data.items.push(Item { id, origin, split, photos: vec![], title, attributes, kinds: 0 });
        }
        let near = vec![[].into(), [(2, 3)].into(), [].into()];
        data.shop = Some(Shop { near, product: (0..rows.len() as u32).collect(), ..Shop::default() });
        data
    }

    #[test]
    fn changes_lead_to_products_of_one_kind_that_differ_in_little() {
        let rows = [
            [1, 1, 1], // 0 red plain dress
            [1, 2, 1], // 1 blue plain dress
            [1, 2, 1], // 2 another
            [1, 2, 2], // 3 blue striped dress: two changes
            [2, 2, 1], // 4 a shirt: another kind
            [1, 2, 0], // 5 of unknown pattern
            [1, 3, 1], // 6 navy blue: another value than red, near to blue
            [0, 2, 1], // 7 of unknown kind
        ];
        let data = data(&rows);
        let products: Vec<Vec<usize>> = (0..rows.len()).map(|i| vec![i]).collect();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let queries = composed(&data, &products, 10, usize::MAX, &mut rng);
        let of = |reference: usize| -> Vec<Vec<usize>> {
            let own = queries.iter().filter(|query| query.reference == reference);
            let mut targets: Vec<Vec<usize>> = own.map(|query| query.targets.clone()).collect();
            targets.iter_mut().for_each(|targets| targets.sort_unstable());
            targets.sort();
            targets
        };
        assert_eq!(of(0), [vec![1, 2], vec![3], vec![6]]);
        // from blue: red, and stripes; navy blue is neither a change nor the same
        assert_eq!(of(1), [vec![0], vec![3]]);
        // what is unknown of the reference may be anything: every dress of another color
        assert_eq!(of(5), [vec![0]]);
        assert_eq!(of(4), Vec::<Vec<usize>>::new());
        assert_eq!(of(7), Vec::<Vec<usize>>::new());
        for query in &queries {
            let say = |word: &str| query.captions.iter().any(|caption| caption.contains(word));
            let target = &data.items[query.targets[0]].attributes;
            assert!(target[1] == rows[query.reference][1] || say(&data.words[1][usize::from(target[1])]), "{query:?}");
        }
        assert_eq!(composed(&data, &products, 1, 3, &mut rng).len(), 3);
    }
}
