//! The query grammar: what a visitor types → what is looked for and what is left out.
//!
//! `dress -floral "puff sleeves"` looks for dresses with puff sleeves and leaves floral ones out. `www/core/state.js` reads
//! the same grammar before the engine is there; `tests/fixtures/queries.json` holds the cases that both must pass.

/// What was typed, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// What is looked for, on one line, without the marks of the grammar.
    pub words: String,
    /// Words to leave out, in lower case: `-floral`.
    pub without: Vec<String>,
    /// What stood in quotation marks; [`words`](Self::words) holds it too.
    pub phrases: Vec<String>,
}

impl Typed {
    /// Takes a text apart. Every text is one that somebody may type, so there is no error.
    pub fn read(text: &str) -> Self {
        let mut typed = Self::default();
        let rest = typed.take_without(text);
        typed.take_phrases(&rest);
        typed
    }

    /// Takes the words after a minus sign out and returns what is left. A minus inside a word is part of it.
    fn take_without(&mut self, text: &str) -> String {
        let mut rest = String::with_capacity(text.len());
        let mut left = text.chars().peekable();
        let mut starts = true; // nothing or a blank stands before
        while let Some(c) = left.next() {
            if starts && matches!(c, '-' | '−') && left.peek().is_some_and(|next| next.is_alphanumeric()) {
                let mut word = String::new();
                while let Some(next) = left.next_if(|next| next.is_alphanumeric() || *next == '-') {
                    word.push(next);
                }
                self.without.push(word.to_lowercase());
                starts = false;
                continue;
            }
            starts = c.is_whitespace();
            rest.push(c);
        }
        rest
    }

    /// Takes quotation marks out in pairs; a lone one is dropped.
    fn take_phrases(&mut self, text: &str) {
        let parts: Vec<&str> = text.split(['"', '“', '”', '„']).collect();
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let inside = parts.iter().skip(1).step_by(2).take((parts.len() - 1) / 2);
        self.phrases = inside.map(|part| one_line(part)).filter(|phrase| !phrase.is_empty()).collect();
        self.words = one_line(&parts.concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        words: String,
        #[serde(default)]
        without: Vec<String>,
        #[serde(default)]
        phrases: Vec<String>,
    }

    #[test]
    fn every_case_of_the_table_is_read_as_it_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/fixtures/queries.json")).unwrap();
        assert!(cases.len() >= 15);
        for case in cases {
            let want = Typed { words: case.words, without: case.without, phrases: case.phrases };
            assert_eq!(Typed::read(&case.text), want, "{:?}", case.text);
        }
    }
}
