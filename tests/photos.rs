//! Photos as they come: what of a file is published, what is left out of a catalog and how it is said, and that one bad
//! photo or row never stops the rest.
#![cfg(feature = "cli")]

mod common;

use common::{World, copy_page, fail, photo, s, succeed, vitrine};
use image::ImageFormat;
use serde_json::Value;
use std::path::Path;
use vitrine::hash::sha256_hex;
use vitrine::image::decode;
use vitrine::photo_file::PhotoFile;

/// What must never be found in anything that is published.
const SECRET: &[u8] = b"SECRET 52.5200N 13.4050E";
const PROFILE: &[u8] = b"a color profile";

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// An EXIF block with an orientation and a secret behind it, as cameras write it.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    block[19] = orientation;
    [&block, SECRET].concat()
}

fn segment(marker: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&[0xff, marker], &(body.len() as u16 + 2).to_be_bytes()[..], &body].concat()
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name, body].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&named);
    [&(body.len() as u32).to_be_bytes()[..], &named, &sum.sum().to_be_bytes()].concat()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn riff(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let even = if body.len() % 2 == 1 { &[0][..] } else { &[] };
    [name, &(body.len() as u32).to_le_bytes()[..], body, even].concat()
}

/// A JPEG with a secret in every place that one may have.
fn jpeg(orientation: u8) -> Vec<u8> {
    let plain = photo(3, ImageFormat::Jpeg);
    let head = [
        segment(0xe0, &[b"JFXX\0\x10", SECRET]),
        segment(0xe1, &[b"Exif\0\0", &exif(orientation)]),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET]),
        segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", PROFILE]),
        segment(0xe2, &[b"MPF\0", SECRET]),
        segment(0xeb, &[b"JP\0\0jumb", SECRET]),
        segment(0xed, &[b"Photoshop 3.0\0", SECRET]),
        segment(0xef, &[SECRET]),
        segment(0xfe, &[SECRET]),
    ]
    .concat();
    // a second photo and a note behind the end, as phones write them
    [&plain[..2], &head, &plain[2..], &plain, SECRET].concat()
}

/// A PNG likewise; with `late`, the orientation stands behind the pixels.
fn png(orientation: u8, late: bool) -> Vec<u8> {
    let plain = photo(3, ImageFormat::Png);
    let end = plain.len() - 12;
    let turned = chunk(b"eXIf", &exif(orientation));
    let text = |name: &[u8; 4], body: &[u8]| chunk(name, &[b"Comment\0", body].concat());
    let head = [
        chunk(b"iCCP", &[b"p\0\0", &packed(PROFILE)[..]].concat()),
        text(b"tEXt", SECRET),
        text(b"zTXt", &[b"\0", &packed(SECRET)[..]].concat()),
        text(b"iTXt", &[b"\0\0\0\0", SECRET].concat()),
        chunk(b"tIME", b"SECRET "),
        chunk(b"caBX", SECRET),
    ]
    .concat();
    let (before, behind) = if late { (&[][..], &turned[..]) } else { (&turned[..], &[][..]) };
    [&plain[..33], &head, before, &plain[33..end], behind, &plain[end..], SECRET].concat()
}

/// A WebP likewise.
fn webp(orientation: u8) -> Vec<u8> {
    let plain = photo(3, ImageFormat::WebP);
    let size = [29, 0, 0, 39, 0, 0]; // less one each
    let body = [
        b"WEBP".to_vec(),
        riff(b"VP8X", &[&[0x2c, 0, 0, 0][..], &size].concat()),
        riff(b"ICCP", PROFILE),
        plain[12..].to_vec(),
        riff(b"EXIF", &exif(orientation)),
        riff(b"XMP ", SECRET),
        riff(b"C2PA", SECRET),
    ]
    .concat();
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body, SECRET].concat()
}

/// Files with secrets, and the same pixels without.
fn telling(orientation: u8) -> Vec<(&'static str, Vec<u8>, ImageFormat)> {
    vec![
        ("jpeg", jpeg(orientation), ImageFormat::Jpeg),
        ("png", png(orientation, false), ImageFormat::Png),
        ("late", png(orientation, true), ImageFormat::Png),
        ("webp", webp(orientation), ImageFormat::WebP),
    ]
}

#[test]
fn nothing_but_picture_orientation_and_profile_is_published() {
    for (name, bytes, format) in telling(6) {
        assert!(holds(&bytes, SECRET), "{name}: the case itself");
        let file = PhotoFile::read(&bytes).unwrap();
        assert!(!holds(&file.published, b"SECRET"), "{name}");
        assert!(holds(&file.published, PROFILE) || holds(&file.published, &packed(PROFILE)), "{name}: the profile");
        assert_eq!(file.orientation.to_exif(), 6, "{name}");
        let again = PhotoFile::read(&file.published).unwrap();
        assert_eq!((again.published, again.orientation), (file.published.clone(), file.orientation), "{name}");
        assert_eq!(decode(&bytes).unwrap(), decode(&file.published).unwrap(), "{name}");
        let mut plain = image::load_from_memory(&photo(3, format)).unwrap();
        plain.apply_orientation(image::metadata::Orientation::Rotate90);
        assert_eq!(decode(&bytes).unwrap(), plain.into_rgb8(), "{name}: a quarter clockwise");
        // other programs find the orientation where they look for it
        let mut other = image::ImageReader::new(std::io::Cursor::new(&file.published)).with_guessed_format().unwrap();
        other.no_limits();
        let seen = image::ImageDecoder::orientation(&mut other.into_decoder().unwrap()).unwrap();
        assert_eq!(seen, file.orientation, "{name}");
    }
}

#[test]
fn a_file_with_nothing_to_hide_is_published_as_it_is() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let bytes = photo(5, format);
        assert!(PhotoFile::read(&bytes).unwrap().published == bytes, "{format:?}");
    }
    for name in ["unsampled.jpg", "grey.jpg", "progressive.jpg", "alpha.png", "palette.png", "alpha.webp", "lossy.webp"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos").join(name);
        let bytes = std::fs::read(path).unwrap();
        let file = PhotoFile::read(&bytes).unwrap();
        assert!(file.published == bytes, "{name}: {} and {} bytes", file.published.len(), bytes.len());
        // a decoder that forgives everything sees the same
        let forgiving = image::load_from_memory(&bytes).unwrap();
        if !forgiving.color().has_alpha() {
            assert_eq!(decode(&bytes).unwrap(), forgiving.into_rgb8(), "{name}");
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => all.extend(files(&entry.path())),
            false => all.push((s(&entry.path()), std::fs::read(entry.path()).unwrap())),
        }
    }
    all
}

fn assert_silent(folder: &Path) {
    let all = files(folder);
    assert!(!all.is_empty());
    all.iter().for_each(|(name, bytes)| assert!(!holds(bytes, b"SECRET"), "{name}"));
}

fn index(world: &World, out: &str, more: &[&str]) -> Value {
    let (photos, out, model) = (world.at("photos"), world.at(out), world.at("model"));
    let args = [&["index", &photos, "--out", &out, "--model", &model, "--json"][..], more].concat();
    serde_json::from_str(&succeed(&args)).unwrap()
}

/// Puts files with everything in them in the place of published ones, as earlier versions did; returns how many.
fn put_back(photos: &Path) -> usize {
    let mut back = 0;
    for (_, bytes, _) in telling(6) {
        let published = sha256_hex(&PhotoFile::read(&bytes).unwrap().published);
        for entry in std::fs::read_dir(photos).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&published[..16]) {
                // a second name of the same file must not change with it
                std::fs::remove_file(entry.path()).unwrap();
                std::fs::write(entry.path(), &bytes).unwrap();
                back += 1;
            }
        }
    }
    back
}

#[test]
fn no_command_publishes_where_a_photo_was_made() {
    let world = World::with_model();
    world.draw("photos", 4..12, |_| ImageFormat::Png);
    for (name, bytes, format) in telling(6) {
        std::fs::write(world.path("photos").join(format!("{name}.{}", format.extensions_str()[0])), bytes).unwrap();
    }
    assert_eq!(index(&world, "catalog", &[])["photos"], 12);
    assert_silent(&world.path("catalog"));
    let parts = ["part-1", "part-2"];
    for (i, part) in parts.iter().enumerate() {
        index(&world, part, &["--part", &format!("{}/2", i + 1)]);
        assert_silent(&world.path(part));
    }
    succeed(&["merge", &world.at("part-1"), &world.at("part-2"), "--out", &world.at("merged")]);
    assert_silent(&world.path("merged"));

    // parts and catalogs of earlier versions
    let back: usize = parts.iter().map(|part| put_back(&world.path(part).join("photos"))).sum();
    assert_eq!(back, 4);
    succeed(&["merge", &world.at("part-1"), &world.at("part-2"), "--out", &world.at("merged-old")]);
    assert_silent(&world.path("merged-old"));
    age_items(&world.path("catalog"));
    let (www, dist) = (world.path("www"), world.path("dist"));
    copy_page(&www, &["baseline"]);
    succeed(&["site", &world.at("catalog"), "--out", &s(&dist), "--model", &world.at("model"), "--www", &s(&www)]);
    assert_silent(&dist);
}

/// The names that a photo's copy has now and had in earlier versions: hashes of what is published, and of all bytes.
fn names(bytes: &[u8], format: ImageFormat) -> [String; 2] {
    let name = |bytes: &[u8]| format!("{}.{}", &sha256_hex(bytes)[..16], format.extensions_str()[0]);
    [name(&PhotoFile::read(bytes).unwrap().published), name(bytes)]
}

/// Makes a catalog one of an earlier version, whose items name whole files by the hashes of all their bytes.
fn age_items(catalog: &Path) {
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(catalog.join("catalog.json")).unwrap()).unwrap();
    let entry = &mut manifest["shards"][0]["items"];
    let path = catalog.join(entry["file"].as_str().unwrap());
    let (mut text, mut aged) = (std::fs::read_to_string(&path).unwrap(), 0);
    for (_, bytes, format) in telling(6) {
        let [new, old] = names(&bytes, format);
        // two of them are published alike
        if !text.contains(&new) {
            continue;
        }
        aged += 1;
        text = text.replace(&new, &old);
        std::fs::remove_file(catalog.join("photos").join(new)).unwrap();
        std::fs::write(catalog.join("photos").join(old), bytes).unwrap();
    }
    assert_eq!(aged, 3);
    (entry["bytes"], entry["sha256"]) = (text.len().into(), sha256_hex(text.as_bytes()).into());
    std::fs::write(path, text).unwrap();
    std::fs::write(catalog.join("catalog.json"), manifest.to_string()).unwrap();
}

/// A catalog as version 2 of the journal left it: whole files under the hashes of all their bytes, and no list of them.
fn age(world: &World) {
    std::fs::remove_file(world.path("catalog/.vitrine-files")).unwrap();
    let path = world.path("catalog/.index-journal");
    let mut text = std::fs::read_to_string(&path).unwrap().replacen("vitrine-journal 4 ", "vitrine-journal 2 ", 1);
    for (_, bytes, format) in telling(6) {
        let [new, old] = names(&bytes, format);
        // two of them are published alike, and one file was kept for both
        if !text.contains(&new) {
            continue;
        }
        text = text.replace(&new, &old);
        let _ = std::fs::remove_file(world.path("catalog/photos").join(new));
        std::fs::write(world.path("catalog/photos").join(old), &bytes).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_catalog_of_before_is_cleaned_without_encoding_again() {
    let world = World::with_model();
    world.draw("photos", 4..6, |_| ImageFormat::Png);
    for (name, bytes, format) in telling(6) {
        std::fs::write(world.path("photos").join(format!("{name}.{}", format.extensions_str()[0])), bytes).unwrap();
    }
    let first = index(&world, "catalog", &[]);
    assert_eq!((&first["encoded"], &first["kept"]), (&6.into(), &0.into()));
    let manifest = world.read("catalog/catalog.json");
    age(&world);
    let second = index(&world, "catalog", &[]);
    assert_eq!((&second["encoded"], &second["kept"]), (&0.into(), &6.into()));
    assert_silent(&world.path("catalog"));
    assert_eq!(world.read("catalog/catalog.json"), manifest);
    // a photo that was taken for whole, though it is cut
    let half = photo(4, ImageFormat::Png);
    std::fs::write(world.path("photos/p4.png"), &half[..half.len() / 2]).unwrap();
    let hash = [sha256_hex(&half), sha256_hex(&half[..half.len() / 2])];
    age(&world);
    let journal = world.path("catalog/.index-journal");
    std::fs::write(&journal, std::fs::read_to_string(&journal).unwrap().replace(&hash[0], &hash[1])).unwrap();
    let third = index(&world, "catalog", &[]);
    assert_eq!((&third["photos"], &third["reasons"]["truncated"]), (&5.into(), &1.into()), "{third}");
}

/// A JPEG whose last half is gone, with a new end.
fn with_new_end() -> Vec<u8> {
    let whole =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos/unsampled.jpg")).unwrap();
    [&whole[..whole.len() / 2], &[0xff, 0xd9]].concat()
}

/// File, bytes, reason, and what its sentence says.
fn bad_photos() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let half = |format: ImageFormat| {
        let whole = photo(7, format);
        whole[..whole.len() / 2].to_vec()
    };
    let less = |format: ImageFormat, bytes: usize| {
        let whole = photo(7, format);
        whole[..whole.len() - bytes].to_vec()
    };
    let mut flipped = photo(7, ImageFormat::Png);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let plain = photo(7, ImageFormat::Png);
    let bomb = chunk(b"iCCP", &[b"p\0\0", &packed(&vec![0; 8 << 20])[..]].concat());
    vec![
        ("empty.jpg", vec![], "empty", "an empty file"),
        ("half-jpeg.jpg", half(ImageFormat::Jpeg), "truncated", "copy the file again"),
        ("half-png.png", half(ImageFormat::Png), "truncated", "copy the file again"),
        ("half-webp.webp", half(ImageFormat::WebP), "truncated", "copy the file again"),
        ("end-jpeg.jpg", less(ImageFormat::Jpeg, 2), "truncated", "a whole JPEG"),
        ("end-png.png", less(ImageFormat::Png, 12), "truncated", "a whole PNG"),
        ("end-webp.webp", less(ImageFormat::WebP, 2), "truncated", "a whole WebP"),
        ("new-end.jpg", with_new_end(), "damaged", "a JPEG without faults"),
        ("flipped.png", flipped, "damaged", "with faults"),
        ("bomb.png", [&plain[..33], &bomb, &plain[33..]].concat(), "too_large", "color profile of at most 4 MiB"),
        ("page.jpg", b"<!doctype html><title>404".to_vec(), "unsupported", "a web page"),
        ("phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(), "truncated", "a HEIC photo"),
        ("moving.jpg", b"GIF89a\x01\0\x01\0".to_vec(), "truncated", "a GIF"),
        ("scan.jpg", b"%PDF-1.7".to_vec(), "unsupported", "a PDF"),
        ("later.jpg", b"\0\0\0\x0cJXL \r\n".to_vec(), "unsupported", "a JPEG XL"),
        ("noise.jpg", vec![7; 999], "not_a_photo", "999 bytes that are none"),
        ("shoot.psd", b"8BPS".to_vec(), "unsupported", "got a Photoshop file"),
        ("raw.nef", b"MM\0*".to_vec(), "truncated", "a TIFF"),
        ("p1.png", plain.clone(), "duplicate", "has the same id p1"),
    ]
}

const ROWS: &[(&str, &str, &str)] = &[
    ("p0,Fine,red", "", ""),
    ("p1,Ragged", "ragged_row", "expected 3 fields, got 2"),
    ("p1,Ragged,red,more", "ragged_row", "expected 3 fields, got 4"),
    (",Nameless,red", "row_without_id", "expected an id"),
    ("p0,Twice,blue", "duplicate_row", "which line 2 has"),
    ("p99,Nowhere,blue", "row_without_photo", "a photo with the id p99"),
    ("p2,\u{200b}\u{202e}\u{7}\u{feff},red", "blank_title", "characters that nobody sees"),
];

/// Entries that are no files to read: path, reason, and what the sentence says.
#[cfg(unix)]
fn strange_entries(photos: &Path) -> Vec<(String, &'static str, &'static str)> {
    use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink};
    let raw = std::ffi::OsStr::from_bytes(b"na\xffme.jpg");
    let mut all = vec![
        ("gone.jpg".to_string(), "broken_link", "a link to one that is not there"),
        ("round".into(), "broken_link", "a link to"),
        ("itself.jpg".into(), "broken_link", "not there"),
        ("album.jpg".into(), "not_a_file", "a folder, whose files are read"),
    ];
    symlink(photos.join("nowhere"), photos.join("gone.jpg")).unwrap();
    symlink(photos, photos.join("round")).unwrap();
    symlink("itself.jpg", photos.join("itself.jpg")).unwrap();
    std::fs::create_dir(photos.join("album.jpg")).unwrap();
    std::fs::write(photos.join("album.jpg/inside.png"), photo(9, ImageFormat::Png)).unwrap();
    if std::fs::write(photos.join(raw), photo(8, ImageFormat::Jpeg)).is_ok() {
        all.push(("me.jpg".into(), "not_utf8", "a name in UTF-8"));
    }
    if std::process::Command::new("mkfifo").arg(photos.join("pipe.jpg")).status().is_ok_and(|status| status.success()) {
        all.push(("pipe.jpg".into(), "not_a_file", "a pipe or a device"));
    }
    std::fs::create_dir(photos.join("locked")).unwrap();
    std::fs::set_permissions(photos.join("locked"), std::fs::Permissions::from_mode(0o000)).unwrap();
    match std::fs::read_dir(photos.join("locked")) {
        Err(_) => all.push(("locked".into(), "unreadable", "change its permissions")),
        Ok(_) => eprintln!("skipped: this user may read every folder"),
    }
    all
}

#[cfg(not(unix))]
fn strange_entries(_: &Path) -> Vec<(String, &'static str, &'static str)> {
    Vec::new()
}

/// What `--json` must say for each case: reason, how its name ends, part of its sentence.
fn everything_wrong(world: &World) -> Vec<(String, String, String)> {
    world.draw("photos", 0..3, |_| ImageFormat::Jpeg);
    let mut expected = Vec::new();
    let mut expect = |reason: &str, what: &str, says: &str| expected.push((reason.into(), what.into(), says.into()));
    for (name, bytes, reason, says) in bad_photos() {
        std::fs::write(world.path("photos").join(name), bytes).unwrap();
        let by_file = name.ends_with("psd") || reason == "duplicate";
        expect(reason, if by_file { name } else { name.split('.').next().unwrap() }, says);
    }
    for (name, reason, says) in strange_entries(&world.path("photos")) {
        expect(reason, &name, says);
    }
    let mut csv = b"id,title,colour\n".to_vec();
    for (i, (row, reason, says)) in ROWS.iter().enumerate() {
        csv.extend(row.as_bytes());
        csv.push(b'\n');
        let line = format!("items.csv, line {}", i + 2);
        match *reason {
            "" => {}
            "blank_title" => expect(reason, "p2", says),
            reason => expect(reason, &line, says),
        }
    }
    csv.extend(b"p1,caf\xe9,red\n");
    expect("row_not_utf8", "line 9", "save the file as UTF-8");
    csv.extend(format!("p1,{},red\n", "x".repeat(20_000)).bytes());
    expect("row_too_large", "line 10", "at most 16 KiB");
    csv.extend(b"\"p1,never closed,red\n");
    expect("ragged_row", "line 11", "is a comma or a quote missing?");
    std::fs::write(world.path("photos/items.csv"), csv).unwrap();
    expected
}

/// Every expected thing is said once, and nothing else.
fn assert_said(summary: &Value, expected: &[(String, String, String)]) {
    let said = summary["left_out"].as_array().unwrap();
    for (reason, what, says) in expected {
        let fits = |one: &&Value| {
            let part = |key: &str| one[key].as_str().unwrap().to_string();
            part("reason") == *reason
                && part("what").ends_with(what.as_str())
                && part("message").contains(says.as_str())
        };
        assert_eq!(said.iter().filter(fits).count(), 1, "{reason} {what}: {says}\n{said:#?}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (reason, count) in summary["reasons"].as_object().unwrap() {
        assert_eq!(*count, expected.iter().filter(|one| one.0 == *reason).count(), "{reason}");
    }
}

#[test]
fn whatever_is_wrong_is_left_out_by_name_and_the_rest_goes_on() {
    let world = World::with_model();
    let expected = everything_wrong(&world);
    let summary = index(&world, "catalog", &[]);
    assert_said(&summary, &expected);
    let good = if cfg!(unix) { 4 } else { 3 };
    assert_eq!(summary["photos"], good, "p0 to p2, and what lies in the folder with a photo's name");

    // the same from parts
    for part in ["1/2", "2/2"] {
        let out = format!("part-{}", &part[..1]);
        index(&world, &out, &["--part", part]);
    }
    let merge = ["merge", &world.at("part-1"), &world.at("part-2"), "--out", &world.at("merged"), "--json"];
    let merged: Value = serde_json::from_str(&succeed(&merge)).unwrap();
    assert_said(&merged, &expected);
    assert_eq!(merged["photos"], good);

    // the catalog is there, and a site is made of it
    let (www, dist) = (world.path("www"), world.at("dist"));
    copy_page(&www, &["baseline"]);
    succeed(&["site", &world.at("catalog"), "--out", &dist, "--model", &world.at("model"), "--www", &s(&www)]);

    // with --strict everything is written all the same, and the exit says that it is not all
    let (photos, model, strict) = (world.at("photos"), world.at("model"), world.at("strict"));
    let line = fail(&["index", &photos, "--out", &strict, "--model", &model, "--strict"]);
    assert!(line.contains("left out") && line.contains("9 truncated") && line.contains("2 damaged"), "{line}");
    assert_eq!(world.read("strict/catalog.json"), world.read("catalog/catalog.json"));
    let merge = ["merge", &world.at("part-1"), &world.at("part-2"), "--out", &world.at("merged"), "--strict"];
    assert!(fail(&merge).contains("left out"));
}

#[test]
fn strict_is_content_where_nothing_is_left_out() {
    let world = World::with_model();
    world.draw("photos", 0..3, |_| ImageFormat::Jpeg);
    std::fs::write(world.path("photos/items.csv"), "id,title\np0,One\np1,Two\n").unwrap();
    let summary = index(&world, "catalog", &["--strict"]);
    assert_eq!((&summary["left_out"], &summary["reasons"]), (&serde_json::json!([]), &serde_json::json!({})));
}

#[test]
fn an_archive_of_photos_names_what_it_leaves_out() {
    use std::io::Write;
    let world = World::with_model();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(world.path("photos.zip")).unwrap());
    let cases = bad_photos();
    let good = photo(1, ImageFormat::Jpeg);
    let entries = [("x/p1.jpg", &good)].into_iter().chain(cases.iter().map(|(name, bytes, ..)| (*name, bytes)));
    for (name, bytes) in entries {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    let args =
        ["index", &world.at("photos.zip"), "--out", &world.at("catalog"), "--model", &world.at("model"), "--json"];
    let summary: Value = serde_json::from_str(&succeed(&args)).unwrap();
    assert_eq!(summary["left_out"].as_array().unwrap().len(), cases.len(), "{summary:#}");
    for (name, _, reason, _) in cases {
        let n = summary["reasons"][reason].as_u64().unwrap_or(0);
        assert!(n > 0, "{name}: {reason}");
    }
}

#[test]
fn titles_that_nobody_sees_do_not_end_the_site() {
    let world = World::with_model();
    world.draw("photos", 0..12, |_| ImageFormat::Png);
    // soft hyphens and unassigned characters have no token; the file's name is as empty
    std::fs::write(world.path("photos/\u{200b}.png"), photo(20, ImageFormat::Png)).unwrap();
    let rows: String =
        (0..12).map(|i| format!("p{i},{}\n", ["\u{e000}", "\u{200b}", "\u{1}", "Dress"][i % 4])).collect();
    std::fs::write(world.path("photos/items.csv"), format!("id,title\n{rows}")).unwrap();
    let summary = index(&world, "catalog", &[]);
    assert_eq!((&summary["photos"], &summary["reasons"]["blank_title"]), (&13.into(), &6.into()), "{summary:#}");
    let (www, dist) = (world.path("www"), world.at("dist"));
    copy_page(&www, &["baseline"]);
    succeed(&["site", &world.at("catalog"), "--out", &dist, "--model", &world.at("model"), "--www", &s(&www)]);
    assert!(
        vitrine(&["search", &world.at("catalog"), "--text", "red", "--model", &world.at("model")]).status.success()
    );
}

#[test]
fn a_part_of_three_billion_is_refused_at_once() {
    let world = World::with_model();
    world.draw("photos", 0..3, |_| ImageFormat::Png);
    index(&world, "part", &["--part", "1/2"]);
    let whole: Value = serde_json::from_slice(&world.read("part/part.json")).unwrap();
    let cases = [
        ("/whole/parts", 3_000_000_000_u64, "at most 65536"),
        ("/whole/dimension", 0, "with vectors of at most 8192"),
        ("/whole/dimension", 1 << 40, "with vectors of at most 8192"),
        ("/part", 0, "got part 0/2"),
        ("/part", 3, "got part 3/2"),
        ("/whole/parts", 60_000, "9/60000, and others missing"),
    ];
    for (place, value, says) in cases {
        let mut part = whole.clone();
        *part.pointer_mut(place).unwrap() = value.into();
        std::fs::write(world.path("part/part.json"), part.to_string()).unwrap();
        let line = fail(&["merge", &world.at("part"), "--out", &world.at("merged")]);
        assert!(line.contains(says) && line.len() < 1000, "{place} {value}: {line}");
    }
    assert!(!world.path("merged").exists());
}

#[test]
fn camera_photos_that_were_cut_are_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/damaged");
    for name in ["truncated50.jpg", "truncated90.jpg"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.reason().code(), "truncated", "{name}: {error}");
        // with an end put behind it, it is no better
        assert!(decode(&[&bytes[..], &[0xff, 0xd9]].concat()).is_err(), "{name} with an end");
    }
    // bytes of a text in the middle of the pixels, which shift everything below
    let whole = std::fs::read(folder.with_file_name("photos").join("unsampled.jpg")).unwrap();
    // bytes that only fill up the end are none of it
    let end = whole.len() - 2;
    for fill in [&[][..], &[0], &[0xff], &[0; 9], &[0xff, 0xff]] {
        assert!(decode(&[&whole[..end], fill, &whole[end..]].concat()).is_ok(), "{fill:?}");
    }
    for at in (50..95).step_by(5).map(|share| whole.len() * share / 100) {
        let mixed = [&whole[..at], b"twenty bytes of text", &whole[at..]].concat();
        let error = decode(&mixed).map(|photo| photo.dimensions()).unwrap_err();
        assert_eq!(error.reason().code(), "damaged", "at {at}: {error}");
    }
}
