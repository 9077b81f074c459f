//! The log as a picture: losses above, recall on val below.

use plotters::prelude::*;
use std::path::Path;
use vitrine::error::{Error, Result, io};

/// A line of the plot: its name and its points.
type Line = (String, Vec<(f64, f64)>);

/// Columns of the log in the upper and in the lower picture.
const UPPER: [&str; 4] = ["loss", "composed", "text", "photo"];
const LOWER: [&str; 9] =
    ["r1", "r10", "r50", "title_r10", "phrase_p10", "tops_r10", "wardrobe_p10", "drawn_r1", "drawn_r10"];

/// The CSV log of a run as a picture in SVG.
pub fn plot(log: &Path) -> Result<String> {
    let text = std::fs::read_to_string(log).map_err(io("reading", log))?;
    let bad = |e: csv::Error| vitrine::error::data(log.display(), format!("expected a training log ({e})"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().map_err(bad)?.iter().map(String::from).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<std::result::Result<_, _>>().map_err(bad)?;
    let line = |name: &&str| -> Line {
        let at = columns.iter().position(|c| c == name);
        let point = |row: &csv::StringRecord| Some((row.get(0)?.parse().ok()?, row.get(at?)?.parse().ok()?));
        (name.to_string(), rows.iter().filter_map(point).collect())
    };
    let mut picture = String::new();
    draw(&mut picture, UPPER.iter().map(line).collect(), LOWER.iter().map(line).collect())
        .map_err(|e| Error::Argument(format!("drawing {}: {e}", log.display())))?;
    Ok(picture)
}

fn draw(to: &mut String, upper: Vec<Line>, lower: Vec<Line>) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(to, (900, 800)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(400);
    for (area, lines) in [(above, upper), (below, lower)] {
        let points = || lines.iter().flat_map(|(_, points)| points);
        let right = points().map(|p| p.0).fold(1.0, f64::max);
        let top = points().map(|p| p.1).fold(0.1, f64::max) * 1.05;
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(44)
            .build_cartesian_2d(0.0..right, 0.0..top)?;
        chart.configure_mesh().x_desc("step").draw()?;
        for (i, (name, points)) in lines.into_iter().enumerate() {
            let colour = Palette99::pick(i).to_rgba();
            chart
                .draw_series(LineSeries::new(points, colour))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour));
        }
        chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    }
    root.present()?;
    Ok(())
}
