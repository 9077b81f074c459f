//! The languages that are read here: their stems, and how a text's language shows.

/// A language that has a glossary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English, whose words are the names of the concepts.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Italian.
    Italian,
    /// Portuguese.
    Portuguese,
    /// Dutch.
    Dutch,
}

/// Words, folded, that tell a language and that texts of a shop are full of: first those without meaning of their own.
struct Common {
    language: Language,
    code: &'static str,
    function: &'static str,
    telling: &'static str,
    /// Letters and endings that its words alone have.
    marks: &'static [&'static str],
}

const ALL: &[Common] = &[
    Common {
        language: Language::English,
        code: "en",
        function: "a an and are but for from in is it of on or same some that the to with without not no more less my this",
        telling: "men women mens womens girls boys kids black white blue red green grey brown yellow shirt shirts dress \
                  dresses shoe shoes watch skirt trousers pants jacket sleeve sleeves bag bags leather cotton wool",
        marks: &["ough", "ght"],
    },
    Common {
        language: Language::German,
        code: "de",
        function: "der die das den dem des ein eine einen einem einer und oder fur fuer furs mit aus von im in zum zur ist \
                   ohne statt nicht kein keine aber auch ich mir bitte sehr mehr weniger auf am als zu bei",
        telling: "damen herren kinder madchen jungen manner frauen schwarz weiss blau rot grun grau braun gelb hemd kleid \
                  rock hose jacke schuhe tasche uhr armel bluse mantel baumwolle leder wolle gestreift kariert",
        marks: &["ß", "sch", "ä", "ü", "ung", "lich", "ei"],
    },
    Common {
        language: Language::French,
        code: "fr",
        function: "le la les un une de du des d l et ou pour avec sans en au aux est pas mais plus moins tres je qu que ce \
                   cette mon ma dans sur a",
        telling: "femme homme fille garcon enfant noir noire blanc blanche bleu bleue rouge vert verte gris grise jaune \
                  marron chemise robe jupe pantalon veste chaussures sac montre manches coton cuir laine manteau rayures",
        marks: &["ç", "ê", "è", "œ", "eux", "euse", "eau", "oir"],
    },
    Common {
        language: Language::Spanish,
        code: "es",
        function: "el la los las un una unos unas de del y o para con sin en al es no pero mas menos muy que por lo mi este",
        telling: "mujer hombre nina nino negro negra blanco blanca azul rojo roja verde gris amarillo marron camisa vestido \
                  falda pantalon chaqueta zapatos bolso reloj manga mangas algodon cuero lana abrigo rayas cuadros",
        marks: &["ñ", "¿", "¡", "cion", "ción", "illa", "ito", "dad"],
    },
    Common {
        language: Language::Italian,
        code: "it",
        function: "il lo la i gli le un uno una di del della dei da dal e o per con senza in al alla non ma piu meno molto \
                   che mi questo d l",
        telling: "donna uomo bambina bambino ragazza nero nera bianco bianca blu rosso rossa verde grigio giallo marrone \
                  camicia vestito abito gonna pantaloni giacca scarpe borsa orologio maniche cotone pelle lana cappotto righe",
        marks: &["zione", "gli", "ggi", "tta", "cch", "zz", "tti"],
    },
    Common {
        language: Language::Portuguese,
        code: "pt",
        function: "o a os as um uma de do da dos das e ou para com sem em no na nao mas mais menos muito que por meu este",
        telling: "mulher homem menina menino feminino feminina masculino masculina preto preta branco branca azul vermelho \
                  vermelha verde cinza amarelo marrom camisa vestido saia calca casaco sapatos bolsa relogio algodao couro",
        marks: &["ã", "õ", "ção", "lh", "nh"],
    },
    Common {
        language: Language::Dutch,
        code: "nl",
        function: "de het een en of voor met van in zonder niet geen maar meer minder heel ik mijn deze dit op te als naar",
        telling: "dames heren meisjes jongens kinderen zwart zwarte wit witte blauw blauwe rood rode groen groene grijs \
                  grijze bruin overhemd jurk rok broek jas schoenen tas horloge mouwen katoen leer wol gestreept",
        marks: &["ij", "oe", "aa", "uur", "tje"],
    },
];

/// A catalog's titles must hold so many more of another language's words than of English ones to be taken for it.
const SURELY: f32 = 1.5;
/// Of so many rows one must hold a telling word.
const ONE_IN: f32 = 4.0;

impl Language {
    /// All of them, English first.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|common| common.language)
    }

    fn common(self) -> &'static Common {
        ALL.iter().find(|common| common.language == self).unwrap_or(&ALL[0])
    }

    /// Its code, as in `lang="de"`.
    pub fn code(self) -> &'static str {
        self.common().code
    }

    /// The language of a code, of which only the part before a hyphen counts: "de-AT" is German.
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.split(['-', '_']).next().unwrap_or_default();
        ALL.iter().find(|common| code.eq_ignore_ascii_case(common.code)).map(|common| common.language)
    }

    /// Whether a folded word says nothing by itself in it, as "with".
    pub fn is_function(self, word: &str) -> bool {
        self.common().function.split_whitespace().any(|function| function == word)
    }

    /// Whether words are joined to one: "Lederjacke".
    pub fn compounds(self) -> bool {
        matches!(self, Self::German | Self::Dutch)
    }

    /// The language of a catalog, told by its words, folded, each with the number of rows that hold it.
    pub fn of_catalog<'a>(words: impl Iterator<Item = (&'a str, usize)>, rows: usize) -> Self {
        let mut scores = vec![0.0f32; ALL.len()];
        for (word, rows) in words {
            for (score, common) in scores.iter_mut().zip(ALL) {
                let has = |list: &str| list.split_whitespace().any(|one| one == word);
                // a function word of one letter may be a size or half of "t-shirt"
                let tells = has(common.telling) || (word.len() > 1 && has(common.function));
                *score += if tells { rows as f32 } else { 0.0 };
            }
        }
        let best = (0..ALL.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a))).unwrap_or(0);
        let sure = scores[best] > SURELY * scores[0] && scores[best] * ONE_IN >= rows as f32;
        if sure { ALL[best].language } else { Self::English }
    }

    /// The languages that a text may be of, likeliest first; none where nothing shows.
    pub fn of_text(text: &str) -> Vec<Self> {
        let lower = text.to_lowercase();
        let words: Vec<String> = crate::search::fold::tokens(text).collect();
        let score = |common: &Common| {
            let has = |list: &str, word: &str| list.split_whitespace().any(|one| one == word);
            let said = |word: &String| 2 * i32::from(has(common.telling, word)) + i32::from(has(common.function, word));
            let marks = common.marks.iter().filter(|mark| lower.contains(**mark)).count() as i32;
            words.iter().map(said).sum::<i32>() + marks
        };
        let mut scored: Vec<(i32, Self)> = ALL.iter().map(|common| (score(common), common.language)).collect();
        scored.retain(|(score, _)| *score > 0);
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        scored.into_iter().map(|(_, language)| language).collect()
    }

    /// The stem of a folded word: endings of number, gender and case are cut off.
    pub fn stem(self, word: &str) -> String {
        match self {
            Self::English => crate::search::fold::stem(word),
            Self::German | Self::Dutch => cut(word, &["ern", "en", "em", "er", "es", "e", "n", "s"], 3),
            Self::French => cut(&cut(word, &["s", "x"], 3), &["ee", "e"], 3),
            Self::Spanish | Self::Portuguese => cut(&cut(word, &["s"], 3), &["o", "a", "e"], 3),
            Self::Italian => cut(&cut(&cut(word, &["o", "a", "e", "i"], 3), &["i"], 4), &["h"], 3),
        }
    }

    /// The small form's base, stemmed: "vestitino" is a "vestito".
    pub fn small(self, word: &str) -> Option<String> {
        let ends: &[&str] = match self {
            Self::English => &[],
            Self::German => &["chen", "lein"],
            Self::French => &["ette", "ettes"],
            Self::Spanish => &["ito", "ita", "itos", "itas", "illo", "illa", "illos", "illas"],
            Self::Italian => &["ino", "ina", "ini", "ine", "etto", "etta", "etti", "ette"],
            Self::Portuguese => &["inho", "inha", "inhos", "inhas"],
            Self::Dutch => &["tje", "tjes", "je", "jes"],
        };
        let base = ends.iter().find_map(|end| word.strip_suffix(end)).filter(|base| base.len() >= 3)?;
        Some(self.stem(base))
    }
}

/// A word without the first ending that it has, if so many letters are left.
fn cut(word: &str, ends: &[&str], least: usize) -> String {
    let left = |end: &&str| word.strip_suffix(*end).filter(|left| left.chars().count() >= least);
    ends.iter().find_map(left).unwrap_or(word).to_string()
}
