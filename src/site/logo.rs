//! A shop's logo does no harm, wherever it is opened: an SVG can hold scripts and links, and on a host without headers
//! nothing but the file itself keeps a browser from running them.

use crate::error::{Error, Result};
use resvg::usvg::{Options, Tree, WriteOptions, roxmltree};

/// What is drawn by fonts or by HTML, and would be missing: usvg has paths and pictures alone.
const NOT_DRAWN: [&str; 2] = ["text", "foreignObject"];
/// What usvg draws with, beside the primitives of filters, whose names begin with "fe".
const DRAWN: [&str; 12] = [
    "svg",
    "g",
    "defs",
    "path",
    "image",
    "linearGradient",
    "radialGradient",
    "stop",
    "pattern",
    "clipPath",
    "mask",
    "filter",
];
/// The pictures that an SVG may hold.
const PICTURES: [&str; 5] =
    ["data:image/png;", "data:image/jpeg;", "data:image/jpg;", "data:image/webp;", "data:image/gif;"];

/// The bytes to publish of a logo whose name ends in `extension`: an SVG is drawn anew from its shapes, without scripts,
/// links, styles and animations; other pictures must be what their name says.
pub fn harmless(extension: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if extension == "svg" {
        return Ok(redraw(&bytes)?.into_bytes());
    }
    let (promised, found) = (image::ImageFormat::from_extension(extension), image::guess_format(&bytes).ok());
    match promised.is_some() && promised == found {
        true => Ok(bytes),
        false => Err(fault(
            format!("a picture that is {extension}, as its name says, got {}", kind(found)),
            "export it again",
        )),
    }
}

fn kind(found: Option<image::ImageFormat>) -> String {
    found.map_or("no picture".into(), |found| format!("one that is {}", found.extensions_str().join(" or ")))
}

fn fault(expected: String, next: &str) -> Error {
    Error::Argument(format!("reading the logo: expected {expected}; {next}"))
}

/// An SVG with the same shapes and nothing else.
fn redraw(bytes: &[u8]) -> Result<String> {
    let broken = |reason: String| fault(format!("an SVG, got one with a fault ({reason})"), "export it again");
    let text = std::str::from_utf8(bytes).map_err(|e| broken(e.to_string()))?;
    // drawing programs write document types
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| broken(e.to_string()))?;
    document.descendants().try_for_each(check)?;
    let mut options = Options::default();
    // a name leads to this machine's files
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    let tree = Tree::from_xmltree(&document, &options).map_err(|e| broken(e.to_string()))?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let drawn = tree.to_string(&WriteOptions { coordinates_precision: 5, ..WriteOptions::default() });
    prove(&drawn)?;
    // without it, some browsers cut the picture off where the page shows it smaller
    Ok(drawn.replacen("<svg ", &format!("<svg viewBox=\"0 0 {width} {height}\" "), 1))
}

/// What is published is looked at itself, and not only what it was made of: usvg writes names as they came.
fn prove(drawn: &str) -> Result<()> {
    let refuse = |got: &str| {
        Err(fault(format!("an SVG of shapes, got one that becomes {got}"), "export it as a plain SVG, or give a PNG"))
    };
    let Ok(document) = roxmltree::Document::parse(drawn) else { return refuse("no SVG") };
    for node in document.descendants() {
        let name = node.tag_name().name();
        let shape = node.is_root() || node.is_text() || DRAWN.contains(&name) || name.starts_with("fe");
        if !shape || (node.is_text() && !node.text().unwrap_or_default().trim().is_empty()) {
            return refuse(&format!("something else, <{name}>"));
        }
        let leads = |a: roxmltree::Attribute<'_, '_>| a.name() == "href" && !a.value().starts_with("data:image/");
        if let Some(attribute) = node.attributes().find(|a| a.name().starts_with("on") || leads(*a)) {
            return refuse(&format!("one with an attribute {}", attribute.name()));
        }
    }
    Ok(())
}

/// Refuses what would be left out, so that no logo loses a part in silence.
fn check(node: roxmltree::Node<'_, '_>) -> Result<()> {
    let (name, namespace) = (node.tag_name().name(), node.tag_name().namespace());
    if namespace != Some("http://www.w3.org/2000/svg") {
        return Ok(());
    }
    if NOT_DRAWN.contains(&name) {
        return Err(fault(
            format!("an SVG of shapes, got one with <{name}>"),
            "turn its text into paths in the drawing program, or give a PNG",
        ));
    }
    let picture = |href: &str| PICTURES.iter().any(|start| href.trim_start().starts_with(start));
    let outside = |node: roxmltree::Node<'_, '_>| {
        !node.attributes().any(|attribute| attribute.name() == "href" && picture(attribute.value()))
    };
    match matches!(name, "image" | "feImage") && outside(node) {
        true => Err(fault(
            "an SVG that holds its pictures, got one that refers to another file".into(),
            "embed the picture as PNG or JPEG, or give a PNG",
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str =
        r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 12""#;
    const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    #[test]
    fn what_runs_leads_out_or_styles_is_gone_and_the_shapes_stay() {
        let hostile = [
            format!("{OPEN} onload=\"alert(1)\"><path d=\"M0 0h9v9z\"/></svg>"),
            format!("{OPEN}><script>alert(1)</script><path d=\"M0 0h9v9z\"/></svg>"),
            format!("{OPEN}><script href=\"//elsewhere.example/x.js\"/><path d=\"M0 0h9v9z\"/></svg>"),
            format!("{OPEN}><a xlink:href=\"javascript:alert(1)\"><path d=\"M0 0h9v9z\"/></a></svg>"),
            format!(
                "{OPEN}><path d=\"M0 0h9v9z\" onclick=\"alert(1)\"><set attributeName=\"href\" to=\"javascript:alert(1)\"/></path></svg>"
            ),
            format!(
                "{OPEN}><style>@import url(//elsewhere.example/x.css); path {{ fill: url(//elsewhere.example/#x) }}</style><path d=\"M0 0h9v9z\"/></svg>"
            ),
            format!("{OPEN}><path id=\"x&quot; onclick=&quot;alert(1)\" d=\"M0 0h9v9z\"/></svg>"),
            format!("<?xml-stylesheet href=\"javascript:alert(1)\"?>{OPEN}><path d=\"M0 0h9v9z\"/></svg>"),
            format!(
                "{OPEN}><iframe xmlns=\"http://www.w3.org/1999/xhtml\" srcdoc=\"alert(1)\"/><path d=\"M0 0h9v9z\"/></svg>"
            ),
            format!(
                "<!DOCTYPE svg [<!ENTITY x \"&lt;script>alert(1)&lt;/script>\">]>{OPEN}>&x;<path d=\"M0 0h9v9z\"/></svg>"
            ),
        ];
        for svg in &hostile {
            let drawn = String::from_utf8(harmless("svg", svg.clone().into_bytes()).unwrap()).unwrap();
            let document = roxmltree::Document::parse(&drawn).unwrap();
            assert!(drawn.contains("<path") && drawn.contains("viewBox=\"0 0 24 12\""), "{svg}\n{drawn}");
            for node in document.descendants().filter(|node| node.is_element()) {
                let name = node.tag_name().name();
                assert!(["svg", "g", "path", "defs"].contains(&name), "{svg}\n{drawn}");
                assert!(node.attributes().all(|a| !a.name().starts_with("on") && a.name() != "href"), "{svg}\n{drawn}");
            }
            assert!(!drawn.contains("elsewhere") && !drawn.contains("<?"), "{svg}\n{drawn}");
        }
    }

    #[test]
    fn what_would_be_missing_is_refused_with_the_next_step() {
        let cases = [
            (
                format!(
                    "{OPEN}><path id=\"x&quot;/>&lt;script>alert(1)&lt;/script>&lt;path id=&quot;y\" d=\"M0 0h9v9z\"/></svg>"
                ),
                "plain SVG",
            ),
            (format!("{OPEN}><path id=\"x&quot;>&lt;\" d=\"M0 0h9v9z\"/></svg>"), "plain SVG"),
            (format!("{OPEN}><text>Shop</text></svg>"), "into paths"),
            (
                format!("{OPEN}><foreignObject><p xmlns=\"http://www.w3.org/1999/xhtml\">x</p></foreignObject></svg>"),
                "paths",
            ),
            (format!("{OPEN}><image xlink:href=\"/etc/passwd\" width=\"9\" height=\"9\"/></svg>"), "embed"),
            (
                format!("{OPEN}><image href=\"https://elsewhere.example/x.png\" width=\"9\" height=\"9\"/></svg>"),
                "embed",
            ),
            (
                format!("{OPEN}><image href=\"data:image/svg+xml;base64,PHN2Zy8+\" width=\"9\" height=\"9\"/></svg>"),
                "embed",
            ),
            (format!("{OPEN}><filter id=\"f\"><feImage href=\"x.png\"/></filter></svg>"), "embed"),
            ("<html><script>alert(1)</script></html>".into(), "export it again"),
            (format!("{OPEN}>"), "export it again"),
        ];
        for (svg, next) in cases {
            let error = harmless("svg", svg.clone().into_bytes()).unwrap_err().to_string();
            assert!(error.contains("reading the logo: expected") && error.contains(next), "{svg}\n{error}");
        }
        assert!(harmless("svg", vec![0xff, 0xfe]).unwrap_err().to_string().contains("fault"));
        for extension in ["png", "jpg", "webp"] {
            let error = harmless(extension, format!("{OPEN}/>").into_bytes()).unwrap_err().to_string();
            assert!(error.contains("got no picture"), "{error}");
        }
        assert!(harmless("jpg", b"\x89PNG\r\n\x1a\n".to_vec()).unwrap_err().to_string().contains("one that is png"));
    }

    #[test]
    fn a_picture_inside_stays() {
        let svg = format!("{OPEN}><image xlink:href=\"{PIXEL}\" width=\"9\" height=\"9\"/></svg>");
        let drawn = String::from_utf8(harmless("svg", svg.into_bytes()).unwrap()).unwrap();
        assert!(drawn.contains("<image") && drawn.contains("data:image/png;base64"), "{drawn}");
    }
}
