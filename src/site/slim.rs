//! The page's scripts and styles without what only their readers need.
//!
//! Comments on lines of their own or at the end of one, types within a line (`/** @type … */`), blank lines, indentation and
//! spaces beside signs go: a quarter of what a visitor fetches. Names and expressions stay, so that no parser is needed: what
//! is a comment can be told line by line, as long as no text goes over the end of a line. A file in which one may is left as
//! it is.

/// The text without comments on lines of their own, blank lines and indentation; `script` tells JavaScript from CSS.
pub fn slim(text: &str, script: bool) -> String {
    if !text.lines().all(stands_alone) {
        return text.to_string();
    }
    let mut slim = String::with_capacity(text.len());
    let mut comment = false; // whether a block comment that began on a line of its own is open
    for line in text.lines().map(str::trim) {
        let mut code = line;
        if comment || line.starts_with("/*") {
            let end = line.find("*/");
            comment = end.is_none();
            code = end.map_or("", |at| line[at + 2..].trim_start());
        }
        let remark = script && code.starts_with("//");
        if !code.is_empty() && !remark {
            let code = if script { tight(&untyped(unremarked(code))) } else { code.to_string() };
            slim.push_str(&code);
            if !(script && goes_on(&code)) {
                slim.push('\n');
            }
        }
    }
    slim
}

/// Whether the next line may follow without a line break between: inside brackets or after a comma none is needed.
fn goes_on(line: &str) -> bool {
    line.ends_with(['(', '[', '{', ',']) && !line.contains("//")
}

/// A line without the remark at its end. A text that holds ` // ` has a quotation mark on both sides of it.
fn unremarked(line: &str) -> &str {
    let quoted = |text: &str| text.contains(['\'', '"', '`']);
    match line.rsplit_once(" // ") {
        Some((code, remark)) if !quoted(code) || !quoted(remark) => code.trim_end(),
        _ => line,
    }
}

/// A line without the types that its comments state. No text of the page looks like one.
fn untyped(line: &str) -> String {
    let mut parts = line.split("/** @type ");
    let code = parts.next().unwrap_or_default().to_string();
    parts.fold(code, |code, part| code + part.split_once("*/").map_or(part, |(_, rest)| rest.trim_start()))
}

/// A line without the spaces beside signs, which say nothing. A pattern or a template may begin at a `/` or a `` ` ``: from
/// there on the line stays as it is. Imports stay whole, since `www/core/modules.js` finds them by how they are written.
fn tight(line: &str) -> String {
    let import = ["import ", "} from "].iter().any(|start| line.starts_with(start));
    if import || (line.starts_with("export ") && line.contains(" from ")) {
        return line.to_string();
    }
    let (mut tight, mut text, mut escaped) = (String::with_capacity(line.len()), None, false);
    for (at, c) in line.char_indices() {
        match text {
            Some(quote) => {
                text = Some(quote).filter(|&quote| escaped || c != quote);
                escaped = c == '\\' && !escaped;
            }
            None if matches!(c, '/' | '`') => return tight + &line[at..],
            None if c == ' ' && !divides(tight.chars().last(), line[at + 1..].chars().next()) => continue,
            None => text = Some(c).filter(|c| matches!(c, '\'' | '"')),
        }
        tight.push(c);
    }
    tight
}

/// Whether a space between these two keeps words apart, or signs that together would be another one.
fn divides(before: Option<char>, after: Option<char>) -> bool {
    let word = |c: char| c.is_alphanumeric() || !c.is_ascii() || matches!(c, '_' | '$' | '#' | '.');
    match (before, after) {
        (Some(a), Some(b)) => (word(a) && word(b)) || (a == b && matches!(a, '+' | '-')),
        _ => false,
    }
}

/// Whether a line leaves no text and no comment open that began in its middle. Some lines are suspected for nothing.
fn stands_alone(line: &str) -> bool {
    let line = line.trim();
    let quotes = line.matches('`').count();
    let comment = line.rfind("/*").is_some_and(|at| at > 0 && !line[at..].contains("*/"));
    quotes.is_multiple_of(2) && !line.ends_with('\\') && !comment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_indentation_go() {
        let script = "// head\n/**\n * what it does */\nexport const a = 1; // what it's for\n\n  const b = '// stays';\n/* x */ f();\n";
        assert_eq!(slim(script, true), "export const a=1;\nconst b='// stays';\nf();\n");
        let texts = ["a('b // stays');\n", "a(\"it's\",'b // stays');\n", "a(`b // stays`);\n", "a('https://b');\n"];
        assert_eq!(texts.map(|text| slim(text, true)), texts);
        assert_eq!(slim("f(\n  a, // b\n  'c', // it's d,\n  e,\n);\n", true), "f(a,'c',// it's d,\ne,);\n");
        assert_eq!(slim("a('b'); // goes, as 1 / 2\n", true), "a('b');\n");
        assert_eq!(
            slim("const f = (/** @type {A} */ a, b) => /** @type {B} */ (a.b);\n", true),
            "const f=(a,b)=>(a.b);\n"
        );
        assert_eq!(slim("/* a */\na {\n  b: url(\n    //c.d/e);\n}\n", false), "a {\nb: url(\n//c.d/e);\n}\n");
    }

    #[test]
    fn spaces_beside_signs_go_and_those_that_say_something_stay() {
        let cases = [
            ("if (a in b && !c) return [d, 'e  f', \"g \\\" h\"];", "if(a in b&&!c)return[d,'e  f',\"g \\\" h\"];"),
            ("a = b + +c - -d + ++e;", "a=b+ +c- -d+ ++e;"),
            ("const { a, ...b } = c ? .5 : d;", "const{a,...b}=c?.5:d;"),
            ("return #a in b && 'c' in b;", "return #a in b&&'c'in b;"),
            ("a = b.split( / , / );", "a=b.split(/ , / );"),
            ("f(`${a} b`, c );", "f(`${a} b`, c );"),
            ("x = 'it\\'s' + ü + $ + 1 . a;", "x='it\\'s'+ü+$+1 . a;"),
            ("import { a } from './b.js';", "import { a } from './b.js';"),
            ("export { a } from './b.js';", "export { a } from './b.js';"),
            ("} from './b.js';", "} from './b.js';"),
        ];
        assert_eq!(cases.map(|(line, _)| tight(line)), cases.map(|(_, tight)| tight));
        assert_eq!(slim("a > b,\nc { d : e }\n", false), "a > b,\nc { d : e }\n", "styles have signs that need spaces");
    }

    #[test]
    fn a_file_with_text_over_several_lines_stays() {
        for script in ["const a = `\n  // text\n`;\n", "const a = 'b\\\n  // text';\n", "f(); /* a\n  // b */ g();\n"] {
            assert_eq!(slim(script, true), script);
        }
    }
}
