//! Query files: one JSON object a line, `{"reference": id, "captions": [change, …], "targets": [id, …]}`.
//!
//! Without `reference` a query is text alone, without `captions` a photo alone. Every target is a hit.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Result, data, io};

/// One query and what it should find.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Query {
    /// Id of the photo that the query starts from.
    #[serde(default)]
    pub reference: Option<String>,
    /// Changes to it, or descriptions.
    #[serde(default)]
    pub captions: Vec<String>,
    /// Ids of the photos that answer it.
    pub targets: Vec<String>,
}

impl Query {
    /// The query's captions as one text; none if they say nothing.
    pub fn text(&self) -> Option<String> {
        caption_text(&self.captions)
    }
}

/// Joins the captions of one query, in their order, with ", ". Evaluation, training and the page all join this way, so
/// that a model meets the texts that it was trained on. None if no caption holds a word.
pub fn caption_text<S: AsRef<str>>(captions: &[S]) -> Option<String> {
    let captions: Vec<&str> = captions.iter().map(|c| c.as_ref().trim()).filter(|c| !c.is_empty()).collect();
    (!captions.is_empty()).then(|| captions.join(", "))
}

/// Reads a query file. Blank lines are passed over.
pub fn read(path: &Path) -> Result<Vec<Query>> {
    let text = std::fs::read_to_string(path).map_err(io("reading queries", path))?;
    parse(&text, &path.display().to_string())
}

/// Reads queries from `text`; `file` names it in errors.
pub fn parse(text: &str, file: &str) -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let place = format!("{file} line {number}");
        // A query is one line, so serde's own line number would only confuse.
        let query: Query = serde_json::from_str(line).map_err(|e| {
            let problem = e.to_string().replace("at line 1 column", "at column");
            data(&place, format!(r#"expected {{"reference": id, "captions": [..], "targets": [ids]}}, got {problem}"#))
        })?;
        if query.reference.is_none() && query.text().is_none() {
            return Err(data(&place, "expected a reference or captions, got neither; give one of them"));
        }
        queries.push(query);
    }
    if queries.is_empty() {
        return Err(data(file, "expected one query a line, got no line; is this the right file?"));
    }
    Ok(queries)
}

/// Reads a list of ids, one a line. Blank lines are passed over and an id that comes again counts once.
pub fn read_ids(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(io("reading ids", path))?;
    let mut seen = std::collections::HashSet::new();
    let ids = text.lines().map(str::trim).filter(|id| !id.is_empty() && seen.insert(*id));
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.is_empty() {
        return Err(data(path.display(), "expected one id a line, got none; is this the right file?"));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_queries() {
        let text = concat!(
            r#"{"reference":"1","captions":["is red","has long sleeves"],"targets":["2","3"],"note":"ignored"}"#,
            "\n\n",
            r#"{"captions":["a red dress"],"targets":["2"]}"#,
            "\r\n",
            r#"{"reference":"1","targets":["2"]}"#,
        );
        let queries = parse(text, "q.jsonl").unwrap();
        assert_eq!(queries.len(), 3);
        assert_eq!(queries[0].text().unwrap(), "is red, has long sleeves");
        assert_eq!((queries[0].reference.as_deref(), queries[0].targets.len()), (Some("1"), 2));
        assert_eq!((&queries[1].reference, queries[1].text().as_deref()), (&None, Some("a red dress")));
        assert_eq!((queries[2].reference.as_deref(), queries[2].text()), (Some("1"), None));
    }

    #[test]
    fn captions_are_trimmed_and_empty_ones_left_out() {
        assert_eq!(
            caption_text(&[" yellow and more flowing", "", "short \n"]).unwrap(),
            "yellow and more flowing, short"
        );
        assert_eq!(caption_text(&["  ", ""]), None);
        assert_eq!(caption_text::<&str>(&[]), None);
    }

    #[test]
    fn errors_name_the_line() {
        let good = r#"{"captions":["red"],"targets":["2"]}"#;
        for (bad, says) in [
            (r#"{"captions":["red"]}"#, "missing field `targets`"),
            (r#"{"captions":"red","targets":["2"]}"#, "expected a sequence"),
            (r#"{"captions":[" "],"targets":["2"]}"#, "got neither"),
            ("{", "EOF"),
        ] {
            let error = parse(&format!("{good}\n\n{bad}\n"), "q.jsonl").unwrap_err().to_string();
            assert!(error.contains("q.jsonl line 3") && error.contains(says), "{error}");
        }
        assert!(parse(" \n", "q.jsonl").unwrap_err().to_string().contains("got no line"));
    }

    #[test]
    fn ids_are_read_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.txt");
        std::fs::write(&path, "b\n a \r\n\nb\n").unwrap();
        assert_eq!(read_ids(&path).unwrap(), ["b", "a"]);
        std::fs::write(&path, "\n").unwrap();
        assert!(read_ids(&path).is_err());
    }
}
