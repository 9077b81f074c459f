//! The page's scripts and styles without what only their readers need.
//!
//! Whole-line comments, blank lines and indentation go: a fifth of what a visitor fetches. Names and expressions stay, so
//! that no parser is needed: which lines are comments can be told line by line, as long as no text goes over the end of a
//! line. A file in which one may is left as it is.

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
            slim.push_str(code);
            slim.push('\n');
        }
    }
    slim
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
        let script =
            "// head\n/**\n * what it does */\nexport const a = 1; // stays\n\n  const b = '// stays';\n/* x */ f();\n";
        assert_eq!(slim(script, true), "export const a = 1; // stays\nconst b = '// stays';\nf();\n");
        assert_eq!(slim("/* a */\na {\n  b: url(\n    //c.d/e);\n}\n", false), "a {\nb: url(\n//c.d/e);\n}\n");
    }

    #[test]
    fn a_file_with_text_over_several_lines_stays() {
        for script in ["const a = `\n  // text\n`;\n", "const a = 'b\\\n  // text';\n", "f(); /* a\n  // b */ g();\n"] {
            assert_eq!(slim(script, true), script);
        }
    }
}
