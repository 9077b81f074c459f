//! Which of the page's modules others import before they run.

use crate::error::Result;
use std::collections::BTreeSet;

/// The entries and all that they import statically, directly or not, as paths below the page; `read` gives a module's text.
pub fn imported(entries: &[&str], read: impl Fn(&str) -> Result<String>) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = entries.iter().map(|entry| entry.to_string()).collect();
    while let Some(module) = open.pop() {
        if found.contains(&module) {
            continue;
        }
        open.extend(imports(&read(&module)?).map(|specifier| resolve(&module, specifier)));
        found.insert(module);
    }
    Ok(found)
}

/// The relative specifiers of a module's static imports and re-exports, each of which begins or ends on a line of its own.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let statement = |line: &str| ["import ", "export ", "} from "].iter().any(|start| line.starts_with(start));
    let quoted = |line| -> Option<&str> {
        let rest =
            str::split_once(line, " from ").map_or_else(|| line.strip_prefix("import "), |(_, rest)| Some(rest))?;
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        rest[1..].split(quote).next()
    };
    text.lines().filter(move |line| statement(line)).filter_map(quoted).filter(|specifier| specifier.starts_with('.'))
}

/// A relative specifier as the path that it means in `module`.
fn resolve(module: &str, specifier: &str) -> String {
    let mut parts: Vec<&str> = module.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_are_followed_and_dynamic_ones_are_not() {
        let read = |file: &str| {
            Ok(match file {
                "app.js" => "// import './no.js'\nimport { a,\n  b,\n} from './ui/a.js';\nconst late = import('./ui/late.js');\n",
                "ui/a.js" => "import './deep/b.js';\nexport * from \"../c.js\";\nexport const from = 1; // not from './no.js'\n",
                "ui/deep/b.js" => "import { a } from '../a.js';\nimport bare from 'bare';\n",
                "c.js" => "",
                other => panic!("{other} was read"),
            }
            .to_string())
        };
        let found = imported(&["app.js"], read).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["app.js", "c.js", "ui/a.js", "ui/deep/b.js"]);
    }
}
