//! One ranking of two: what the words name and what the vectors show.

use super::wanted::{Unit, Wanted};
use super::words::TextIndex;
use super::words::attributes::{Attribute, NONE, Value};
use super::words::dictionary::Meaning;
use super::words::postings::Field;
use super::{Filter, Hit, Vectors};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How much each kind of evidence counts. Set by a few trials on queries of the val split, as `benches/quality/whole.py`
/// writes them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weights {
    /// All words of a text found, beside a cosine of 1.
    pub words: f32,
    /// A word that no value is called, beside one that names a value.
    pub name: f32,
    /// A product that has a value and whose title does not say so, beside one whose title does.
    pub value: f32,
    /// A value's words in the title of a product that has another value.
    pub against_value: f32,
    /// The same in that of a product that has no value.
    pub without_value: f32,
    /// A word of a longer value, as blue of navy blue.
    pub part: f32,
    /// What is left of a word for each wrong letter.
    pub typo: f32,
    /// What is left of a word in another form, as its plural.
    pub form: f32,
    /// The same of a value's words in a title.
    pub value_form: f32,
    /// A title that begins with the text's first word.
    pub first: f32,
    /// Titles of few words beside those that were asked for.
    pub brief: f32,
    /// What an edited value counts in a change, beside a kept one.
    pub edit: f32,
    /// What a kept value counts in a change.
    pub kept: f32,
    /// The cosine with the query's vector in a change.
    pub fused: f32,
    /// Share that a product without the attribute gets of what it is asked for.
    pub unsaid: f32,
    /// How fast nearest products lose their vote with their likeness.
    pub vote: f32,
    /// How many nearest products vote.
    pub voters: usize,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            words: 3.0,
            name: 1.5,
            value: 0.9,
            against_value: 0.5,
            without_value: 1.0,
            part: 0.5,
            typo: 0.8,
            form: 0.9,
            value_form: 0.3,
            first: 0.3,
            brief: 0.1,
            edit: 2.0,
            kept: 1.0,
            fused: 2.0,
            unsaid: 0.4,
            vote: 20.0,
            voters: 12,
        }
    }
}

/// An answer is this much better where it is what was named exactly.
const EXACT: f32 = 100.0;
/// Rows that words and vectors each put forward, at least.
pub const CANDIDATES: usize = 1000;

/// What is known of a change's reference.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// For each attribute its values' shares: one of 1 for a product, the votes of nearest products for a photo.
    pub values: Vec<Vec<(u32, f32)>>,
}

impl Reference {
    /// A product of the catalog.
    pub fn product(index: &TextIndex, row: u32) -> Self {
        let known = |attribute: &Attribute| match attribute.of.get(row as usize) {
            None | Some(&NONE) => Vec::new(),
            Some(&code) => vec![(code, 1.0)],
        };
        Self { values: index.attributes().all.iter().map(known).collect() }
    }

    /// A photo whose nearest products are `hits`.
    pub fn photo(index: &TextIndex, hits: &[Hit], weights: &Weights) -> Self {
        let best = hits.first().map_or(0.0, |hit| hit.score);
        let votes = |attribute: &Attribute| {
            let mut shares: Vec<(u32, f32)> = Vec::new();
            let mut total = 0.0;
            for hit in hits {
                // a visitor's own photos stand behind the catalog's rows and have no attributes
                let Some(&code) = attribute.of.get(hit.row as usize).filter(|&&code| code != NONE) else { continue };
                let weight = ((hit.score - best) * weights.vote).exp();
                total += weight;
                match shares.iter_mut().find(|(known, _)| *known == code) {
                    Some((_, share)) => *share += weight,
                    None => shares.push((code, weight)),
                }
            }
            shares.iter_mut().for_each(|(_, share)| *share /= total);
            shares
        };
        Self { values: index.attributes().all.iter().map(votes).collect() }
    }
}

/// What words alone make of the catalog.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// One number a row, to be added to the cosine's.
    pub scores: Vec<f32>,
    /// What the cosine is multiplied with.
    pub cosine: f32,
    /// What the sum of both is divided by, so that a score is 1 at most but for what was named exactly.
    pub most: f32,
    /// Rows that are not wanted.
    pub unwanted: Vec<bool>,
}

/// What a text says of every row.
pub fn of_text(index: &TextIndex, wanted: &Wanted, weights: &Weights) -> Evidence {
    let n = index.len();
    let mut scores = vec![0.0; n];
    let known: Vec<&Unit> = wanted.positive().filter(|unit| unit.known).collect();
    let weight = |unit: &Unit| unit.tells * if unit.values.is_empty() { weights.name } else { 1.0 };
    let total: f32 = known.iter().map(|unit| weight(unit)).sum();
    for unit in &known {
        let share = weights.words * weight(unit) / total;
        cover(index, unit, weights).iter().zip(&mut scores).for_each(|(covered, score)| *score += share * covered);
    }
    let mut unwanted = vec![false; n];
    let exact = exact(index, wanted, &mut scores);
    // a maker is named by no value; a colour that begins a title is chance
    let first = known.iter().find(|unit| !unit.function).filter(|unit| unit.values.is_empty());
    let first = first.and_then(|unit| unit.terms.first());
    for row in 0..n as u32 {
        let (title, score) = (index.title(row), &mut scores[row as usize]);
        if *score <= 0.0 || title.is_empty() {
            continue;
        }
        if first.is_some_and(|terms| terms.iter().any(|meaning| meaning.term == title[0])) {
            *score += weights.first;
        }
        let asked = |term: &u32| known.iter().flat_map(|u| u.terms.iter().flatten()).any(|m| m.term == *term);
        *score += weights.brief * title.iter().filter(|term| asked(term)).count() as f32 / title.len() as f32;
    }
    // "not" in a title that was typed whole is no wish
    for unit in wanted.negative().filter(|unit| unit.known && !exact) {
        leave_out(&mut unwanted, index, unit, weights);
    }
    let most = if known.is_empty() { 1.0 } else { 1.0 + weights.words + weights.first + weights.brief };
    Evidence { scores, cosine: 1.0, most, unwanted }
}

/// Puts what was named by its id or its whole title before everything, and says whether anything was.
fn exact(index: &TextIndex, wanted: &Wanted, scores: &mut [f32]) -> bool {
    let mut found = !wanted.ids.is_empty();
    for &row in &wanted.ids {
        scores[row as usize] += 2.0 * EXACT;
    }
    if let Some(terms) = &wanted.terms {
        let rarest = terms.iter().min_by_key(|&&term| index.postings().of_term(term).0.len());
        for &row in rarest.map_or(&[][..], |&term| index.postings().of_term(term).0) {
            if index.title(row) == terms.as_slice() {
                scores[row as usize] += EXACT;
                found = true;
            }
        }
    }
    found
}

/// Marks the rows that hold a unit. A product that has another value stays, whatever its title says: not red leaves the
/// grey shirt of Red Tape.
fn leave_out(unwanted: &mut [bool], index: &TextIndex, unit: &Unit, weights: &Weights) {
    let least = if unit.values.is_empty() { 0.5 } else { weights.against_value + f32::EPSILON };
    let least = if unit.others.is_empty() { least } else { least * ONE_MEANING };
    let covered = cover(index, unit, weights);
    unwanted.iter_mut().zip(&covered).for_each(|(out, covered)| *out |= *covered >= least);
}

/// How much of a word with several meanings a row gets that holds only one: a handbag is both that and a bag.
const ONE_MEANING: f32 = 0.94;

/// How far each row holds what a unit says, 0 to 1: whichever of its meanings it holds most of, and a little for each.
fn cover(index: &TextIndex, unit: &Unit, weights: &Weights) -> Vec<f32> {
    let mut covered = cover_one(index, &unit.terms, &unit.values, weights);
    covered.iter_mut().for_each(|covered| *covered *= unit.sure);
    if unit.others.is_empty() {
        return covered;
    }
    let mut sum = covered.clone();
    for other in &unit.others {
        let also = cover_one(index, &other.terms, &other.values, weights);
        sum.iter_mut().zip(&also).for_each(|(sum, also)| *sum += other.sure * also);
        covered.iter_mut().zip(also).for_each(|(covered, also)| *covered = covered.max(other.sure * also));
    }
    let meanings = (1 + unit.others.len()) as f32;
    covered.iter().zip(sum).map(|(most, sum)| ONE_MEANING * most + (1.0 - ONE_MEANING) * sum / meanings).collect()
}

/// How far each row holds one meaning.
fn cover_one(index: &TextIndex, words: &[Vec<Meaning>], values: &[Value], weights: &Weights) -> Vec<f32> {
    let mut covered = vec![0.0f32; index.len()];
    for terms in words {
        let mut word = vec![0.0f32; index.len()];
        for meaning in terms {
            let form = if meaning.form { weights.form } else { 1.0 };
            let sure = form * weights.typo.powi(meaning.edits.into());
            let (rows, fields) = index.postings().of_term(meaning.term);
            for (&row, &fields) in rows.iter().zip(fields) {
                let place = if fields & Field::Title.bit() != 0 { 1.0 } else { weights.part };
                let here = &mut word[row as usize];
                *here = here.max(place * sure);
            }
        }
        covered.iter_mut().zip(&word).for_each(|(all, one)| *all += one / words.len() as f32);
    }
    if !values.is_empty() {
        let attributes = index.attributes();
        let said = |meaning: &Meaning| if meaning.form || meaning.edits > 0 { weights.value_form } else { 1.0 };
        let title = |row: u32, terms: &Vec<Meaning>| {
            terms.iter().filter(|m| index.title(row).contains(&m.term)).map(said).fold(0.0, f32::max)
        };
        let in_title = |row: u32| words.iter().map(|terms| title(row, terms)).fold(1.0, f32::min);
        for (row, covered) in (0..).zip(&mut covered) {
            let says = values.iter().any(|value| attributes.code(value.attribute, row) != NONE);
            *covered *= if says { weights.against_value } else { weights.without_value };
            if values.iter().any(|&value| attributes.has(row, value)) {
                *covered = weights.value + (1.0 - weights.value) * in_title(row);
            }
        }
    }
    covered
}

/// The rows that hold something that a text names, ascending.
pub fn rows(index: &TextIndex, wanted: &Wanted, weights: &Weights) -> Vec<u32> {
    let mut held = vec![false; index.len()];
    for unit in wanted.units.iter().filter(|unit| unit.known && !unit.function) {
        leave_out(&mut held, index, unit, weights);
    }
    (0..).zip(held).filter_map(|(row, held)| held.then_some(row)).collect()
}

/// What a change of a reference says of every row.
pub fn of_change(index: &TextIndex, wanted: &Wanted, reference: &Reference, weights: &Weights) -> Evidence {
    let n = index.len();
    let mut scores = vec![0.0; n];
    let mut edited = vec![false; index.attributes().all.len()];
    let mut possible = vec![true; n];
    let named = |unit: &&Unit| !unit.function && (!unit.values.is_empty() || unit.leads(index) >= 0.5);
    for unit in wanted.positive().filter(named) {
        let covered = cover(index, unit, weights);
        unit.all_values().for_each(|value| edited[value.attribute as usize] = true);
        for (row, covered) in covered.iter().enumerate() {
            scores[row] += weights.edit * covered;
            possible[row] &= *covered > if unit.others.is_empty() { 0.8 } else { 0.8 * ONE_MEANING };
        }
    }
    let mut unwanted = vec![false; n];
    for unit in wanted.negative().filter(named) {
        for value in unit.all_values() {
            let kept = &reference.values[value.attribute as usize];
            edited[value.attribute as usize] |= kept.iter().any(|&(code, share)| code == value.code && share > 0.5);
        }
        leave_out(&mut unwanted, index, unit, weights);
    }
    for (attribute, kept) in reference.values.iter().enumerate().filter(|(i, _)| !edited[*i]) {
        let of = &index.attributes().all[attribute].of;
        // what no product has together with what is asked for cannot be kept
        let can = |code: u32| of.iter().zip(&possible).any(|(&other, &possible)| possible && other == code);
        let kept: Vec<(u32, f32)> = kept.iter().copied().filter(|&(code, _)| can(code)).collect();
        for (score, &code) in scores.iter_mut().zip(of) {
            *score += weights.kept
                * match code {
                    NONE => weights.unsaid * kept.iter().map(|(_, share)| share * share).sum::<f32>(),
                    _ => kept.iter().find(|(known, _)| *known == code).map_or(0.0, |(_, share)| *share),
                };
        }
    }
    let kept = edited.iter().filter(|edited| !**edited).count() as f32;
    let most = weights.fused + weights.edit * wanted.positive().filter(named).count() as f32 + weights.kept * kept;
    Evidence { scores, cosine: weights.fused, most, unwanted }
}

/// A hit and what its score is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joined {
    /// The row and its joined score.
    pub hit: Hit,
    /// The share of the score that words give.
    pub words: f32,
    /// Its cosine with the query, where there is a query's vector and its own is here.
    pub cosine: Option<f32>,
}

impl Joined {
    /// Of a hit that vectors alone found.
    pub fn of_vectors(hit: Hit) -> Self {
        Self { hit, words: 0.0, cosine: Some(hit.score) }
    }
}

/// Joins what words say with the vectors: the candidates of both, each with both scores, best first.
pub fn join(
    evidence: &Evidence,
    near: &[Hit],
    query: Option<&[f32]>,
    vectors: &dyn Vectors,
    filter: Filter<'_>,
    k: usize,
) -> Vec<Joined> {
    let only = filter.only.map(|rows| rows.iter().copied().collect::<HashSet<u32>>());
    let allowed = |row: u32| {
        only.as_ref().is_none_or(|only| only.contains(&row))
            && !filter.exclude.contains(&row)
            && !evidence.unwanted.get(row as usize).copied().unwrap_or(false)
    };
    let mut rows = strongest(&evidence.scores, CANDIDATES.max(2 * k));
    rows.extend(near.iter().map(|hit| hit.row));
    rows.sort_unstable();
    rows.dedup();
    let cosine = |row: u32| {
        let query = query?;
        let vector = vectors.vector(row)?;
        Some(vector.iter().zip(query).map(|(a, b)| a * b).sum::<f32>())
    };
    let joined = |row: u32| {
        let (words, cosine) = (evidence.scores.get(row as usize).copied().unwrap_or(0.0), cosine(row));
        let score = (words + evidence.cosine * cosine.unwrap_or(0.0)) / evidence.most;
        Joined { hit: Hit { row, score }, words: words / evidence.most, cosine }
    };
    let mut hits: Vec<Joined> = rows.into_iter().filter(|&row| allowed(row)).map(joined).collect();
    guess(&mut hits, evidence);
    hits.sort_by(|a, b| b.hit.score.total_cmp(&a.hit.score).then(a.hit.row.cmp(&b.hit.row)));
    hits.truncate(k);
    hits
}

/// Catalog products on either side of a visitor's own photo that say what it may be.
const BESIDE: usize = 8;

/// Of a visitor's own photos, which stand behind the catalog's rows, nobody said anything. Each is taken for what the
/// products are whose vectors are about as near to the query, so that it is found beside them.
fn guess(hits: &mut [Joined], evidence: &Evidence) {
    let own = |hit: &Joined| hit.hit.row as usize >= evidence.scores.len();
    if !hits.iter().any(own) {
        return;
    }
    let mut said: Vec<(f32, f32)> =
        hits.iter().filter(|hit| !own(hit)).filter_map(|hit| Some((hit.cosine?, hit.words))).collect();
    said.sort_by(|a, b| b.0.total_cmp(&a.0));
    for hit in hits.iter_mut().filter(|hit| own(hit)) {
        let Some(cosine) = hit.cosine else { continue };
        let at = said.partition_point(|&(near, _)| near > cosine);
        let beside = &said[at.saturating_sub(BESIDE)..said.len().min(at + BESIDE)];
        hit.words = beside.iter().map(|&(_, words)| words).sum::<f32>() / beside.len().max(1) as f32;
        hit.hit.score += hit.words;
    }
}

/// The rows of the `most` highest scores above 0, in any order.
fn strongest(scores: &[f32], most: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..scores.len() as u32).filter(|&row| scores[row as usize] > 0.0).collect();
    if rows.len() > most {
        rows.select_nth_unstable_by(most, |a, b| scores[*b as usize].total_cmp(&scores[*a as usize]));
        rows.truncate(most);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;
    use crate::catalog::format::{Item, Shard};
    use crate::search::Index;

    /// A shop of every combination of maker, colour and kind for two genders; the title names maker, colour and kind.
    fn shop() -> Vec<Item> {
        let mut items = Vec::new();
        for maker in ["Arrow", "Red Tape", "Lumen"] {
            for colour in ["Red", "Navy Blue", "Grey"] {
                for kind in ["Shirts", "Tshirts", "Casual Shoes"] {
                    for gender in ["Men", "Women"] {
                        let id = format!("SKU-{:03}", 100 + items.len());
                        let title = format!("{maker} {gender} {colour} {kind}");
                        let attributes = [("colour", colour), ("kind", kind), ("gender", gender)];
                        let attributes = attributes.map(|(name, value)| (name.to_string(), value.to_string())).into();
                        items.push(Item { title, attributes, ..item(&id) });
                    }
                }
            }
        }
        items
    }

    /// Vectors of which every query's nearest is a row that no words mean: the last.
    fn misleading(rows: usize) -> (Index, Vec<f32>) {
        let vector = |row: usize| if row + 1 == rows { [1.0, 0.0] } else { [0.6, 0.8] };
        let vectors: Vec<f32> = (0..rows).flat_map(vector).collect();
        let mut index = Index::new(2);
        index.add(Shard::from_f32((0..rows).map(|row| row.to_string()).collect(), &vectors, 2).unwrap()).unwrap();
        (index, vec![1.0, 0.0])
    }

    fn titles(text: &str, reference: Option<&str>) -> Vec<String> {
        let items = shop();
        let index = TextIndex::of(&items);
        let (vectors, query) = misleading(items.len());
        let (wanted, weights) = (Wanted::read(text, &index, false), Weights::default());
        let row = |title: &str| items.iter().position(|item| item.title == title).unwrap() as u32;
        let reference = reference.map(row);
        let evidence = match reference {
            None => of_text(&index, &wanted, &weights),
            Some(row) => of_change(&index, &wanted, &Reference::product(&index, row), &weights),
        };
        let near = vectors.top_k(&query, 5, Filter::default()).unwrap();
        let exclude: Vec<u32> = reference.into_iter().collect();
        let hits = join(&evidence, &near, Some(&query), &vectors, Filter { only: None, exclude: &exclude }, 60);
        hits.iter().map(|joined| items[joined.hit.row as usize].title.clone()).collect()
    }

    #[test]
    fn what_was_typed_is_found_whatever_the_vectors_say() {
        // text, how many hits in front, and what all of them must hold
        let cases: [(&str, usize, &[&str]); 13] = [
            ("Arrow Men Navy Blue Shirts", 1, &["Arrow Men Navy Blue Shirts"]),
            ("shirts navy arrow men blue", 1, &["Arrow Men Navy Blue Shirts"]),
            ("Arow Men Navy Blue Shirts", 1, &["Arrow Men Navy Blue Shirts"]),
            ("SKU-105", 1, &["Arrow Women Red Casual Shoes"]),
            ("sku105", 1, &["Arrow Women Red Casual Shoes"]),
            ("arrow", 18, &["Arrow"]),
            ("lumen shoe", 6, &["Lumen", "Casual Shoes"]),
            ("red tape grey t-shirt", 2, &["Red Tape", "Grey", "Tshirts"]),
            ("red t shirt for women", 3, &["Women", "Red Tshirts"]),
            ("navy blue shirts women", 3, &["Women Navy Blue Shirts"]),
            ("LUMEN GREY", 6, &["Lumen", "Grey"]),
            ("casual shoes men not red", 6, &["Men", "Casual Shoes"]),
            ("grey casual shoes without navy blue", 6, &["Grey Casual Shoes"]),
        ];
        for (text, front, held) in cases {
            let found = titles(text, None);
            for title in &found[..front] {
                assert!(held.iter().all(|word| title.contains(word)), "{text}: {title} among {found:#?}");
            }
        }
        let left = titles("casual shoes men not red", None);
        assert!(left.iter().all(|title| !title.contains("men Red ") && !title.contains("Men Red ")), "{left:#?}");
        assert!(left.iter().any(|title| title.starts_with("Red Tape")), "the maker is not the colour");
    }

    #[test]
    fn a_change_edits_what_it_names_and_keeps_the_rest() {
        let cases = [
            ("Arrow Men Red Shirts", "in navy blue", "Men Navy Blue Shirts"),
            ("Arrow Men Red Shirts", "is grey instead of red", "Men Grey Shirts"),
            ("Arrow Men Red Shirts", "change red to grey", "Men Grey Shirts"),
            ("Arrow Men Red Shirts", "for women", "Women Red Shirts"),
            ("Arrow Men Red Shirts", "same colour but a t-shirt", "Men Red Tshirts"),
            ("Arrow Men Red Shirts", "more grey and less red, for women", "Women Grey Shirts"),
            ("Arrow Men Red Shirts", "but from Lumen", "Lumen Men Red Shirts"),
            ("Lumen Women Grey Casual Shoes", "really, not grey but navy blue", "Women Navy Blue Casual Shoes"),
        ];
        for (reference, change, first) in cases {
            let found = titles(change, Some(reference));
            assert!(found[0].ends_with(first), "{reference}, {change}: {:#?}", &found[..3]);
            assert!(!found.contains(&reference.to_string()), "{change}: the reference leaves the ranking");
        }
    }

    #[test]
    fn a_photo_is_known_by_the_votes_of_its_nearest_products() {
        let items = shop();
        let index = TextIndex::of(&items);
        let shirts =
            |maker: &str| items.iter().position(|item| item.title == format!("{maker} Men Red Shirts")).unwrap();
        let hit = |maker, score| Hit { row: shirts(maker) as u32, score };
        let own = Hit { row: items.len() as u32 + 3, score: 0.95 };
        let hits = [hit("Arrow", 0.9), own, hit("Lumen", 0.9), Hit { row: 2, score: 0.5 }];
        let reference = Reference::photo(&index, &hits, &Weights::default());
        for (attribute, votes) in index.attributes().all.iter().zip(&reference.values) {
            let best = votes.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            let value = &attribute.values[best.0 as usize];
            assert!(["Red", "Shirts", "Men"].contains(&value.as_str()), "{}: {value}", attribute.name);
            assert!(best.1 > 0.9, "{}: {}", attribute.name, best.1);
        }
    }

    #[test]
    fn a_visitors_own_photo_is_found_beside_products_as_near() {
        let evidence = Evidence { scores: vec![0.0; 60], cosine: 1.0, most: 4.0, unwanted: vec![false; 60] };
        let hit = |row: u32, words: f32, cosine: f32| Joined {
            hit: Hit { row, score: words + cosine / 4.0 },
            words,
            cosine: Some(cosine),
        };
        // twenty products that words name are nearest, forty others are not named and further off
        let product = |row: u32| if row < 20 { hit(row, 0.6, 0.6) } else { hit(row, 0.0, 0.2) };
        let mut hits: Vec<Joined> = (0..60).map(product).chain([hit(60, 0.0, 0.65), hit(61, 0.0, 0.1)]).collect();
        guess(&mut hits, &evidence);
        assert!(hits[60].hit.score > hits[0].hit.score, "nearer than what was named: {}", hits[60].hit.score);
        assert!(hits[61].hit.score < hits[59].hit.score, "further than what was not: {}", hits[61].hit.score);
    }

    #[test]
    fn nothing_that_was_asked_for_is_lost_where_no_word_is_known() {
        assert_eq!(titles("qqq 🔥", None)[0], "Lumen Women Grey Casual Shoes", "the vectors answer alone");
    }
}
