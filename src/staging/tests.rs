use super::*;

const KIND: Kind = Kind::Site;

fn fill(folder: &Path, content: &str) -> Result<()> {
    fs::create_dir_all(folder.join("deep")).unwrap();
    ["a", "deep/b", "last"].iter().for_each(|name| fs::write(folder.join(name), content).unwrap());
    Ok(())
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

fn names(of: &[&str]) -> Files {
    of.iter().map(|name| name.to_string()).collect()
}

#[test]
fn a_drawn_catalog_of_an_earlier_version_is_known_by_its_table() {
    let home = tempfile::tempdir().unwrap();
    let items = vitrine_demo::items(3, 1);
    fs::write(home.path().join(vitrine_demo::TABLE), vitrine_demo::table(&items).unwrap()).unwrap();
    let (kind, files) = former::read(home.path(), Kind::Log).unwrap().unwrap();
    let mut wanted = names(&[vitrine_demo::TABLE]);
    wanted.extend(items.iter().map(|item| format!("{}.jpg", item.id)));
    for split in vitrine_demo::Split::ALL {
        wanted.extend(["composed", "text"].map(|kind| format!("{kind}.{}.jsonl", split.name())));
    }
    assert_eq!((kind, files), (Kind::Drawn, wanted));
}

#[test]
fn a_folder_is_made_and_replaced_whole_and_what_is_not_ours_stays() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("new/out");
    replace(KIND, &out, "last", |folder| {
        fs::create_dir_all(folder.join("deep")).unwrap();
        fs::write(folder.join("deep/stale"), "old").unwrap();
        fill(folder, "1")
    })
    .unwrap();
    assert_eq!([read(&out, "deep/b"), read(&out, "deep/stale")], ["1", "old"]);
    fs::write(out.join("deep/theirs"), "mine").unwrap();
    fs::create_dir(out.join("own")).unwrap();
    fs::write(out.join("own/CNAME"), "shop.example").unwrap();
    replace(KIND, &out, "last", |folder| fill(folder, "2")).unwrap();
    assert_eq!([read(&out, "a"), read(&out, "deep/b"), read(&out, "last")], ["2", "2", "2"]);
    assert_eq!([read(&out, "own/CNAME"), read(&out, "deep/stale")], ["shop.example", ""]);
    assert_eq!(read(&out, "deep/theirs"), "mine");
    assert_eq!(fs::read_dir(home.path().join("new")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_fails_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    replace(KIND, &out, "last", |folder| fill(folder, "1")).unwrap();
    let failed = replace(KIND, &out, "last", |folder| {
        fill(folder, "2")?;
        Err::<(), _>(Error::EmptyQuery)
    });
    assert!(failed.is_err());
    assert_eq!([read(&out, "a"), read(&out, "last")], ["1", "1"]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_kill_between_two_renames_is_mended() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let [before, part] = [OLD, PART].map(|begin| beside(&out, begin));
    fill(&before, "1").unwrap();
    Record::new(KIND, names(&["a", "deep/b", "last"])).write(&before).unwrap();
    fill(&part, "2").unwrap();
    Record::unfinished(KIND).write(&part).unwrap();
    let failed = replace(KIND, &out, "last", |_| Err::<(), _>(Error::EmptyQuery));
    assert!(failed.is_err());
    assert_eq!(read(&out, "a"), "1", "the old folder is back");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_kill_after_the_exchange_loses_nothing_that_is_not_listed() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    replace(KIND, &out, "last", |folder| fill(folder, "2")).unwrap();
    let left = beside(&out, PART);
    fill(&left, "1").unwrap();
    Record::new(KIND, names(&["a", "deep/b", "last"])).write(&left).unwrap();
    fs::write(out.join("CNAME"), "shop.example").unwrap();
    fs::hard_link(out.join("CNAME"), left.join("CNAME")).unwrap();
    fs::write(left.join("deep/late"), "came between").unwrap();
    // a run for another folder beside it clears up too
    replace(KIND, &home.path().join("other"), "last", |folder| fill(folder, "3")).unwrap();
    assert!(!left.exists());
    assert_eq!([read(&out, "CNAME"), read(&out, "deep/late"), read(&out, "a")], ["shop.example", "came between", "2"]);
}

#[test]
fn a_kill_at_any_moment_leaves_what_the_next_run_clears() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let left = beside(&out, PART);
    let half = format!("{}a1B2c3", crate::atomic::UNFINISHED);
    let listed = |files: &[&str]| Record::new(KIND, names(files)).write(&left).unwrap();
    // nothing yet; half a list; a list of what is being built; half removed; half taken out after an exchange
    let moments: [&dyn Fn(); 5] = [
        &|| {},
        &|| fs::write(left.join(&half), "half").unwrap(),
        &|| fill(&left, "1").and_then(|()| Record::unfinished(KIND).write(&left)).unwrap(),
        &|| Record::unfinished(KIND).write(&left).unwrap(),
        &|| fs::write(left.join("a"), "1").map(|()| listed(&["a", "deep/b", "last"])).unwrap(),
    ];
    for (number, moment) in moments.iter().enumerate() {
        fs::create_dir(&left).unwrap();
        moment();
        replace(KIND, &out, "last", |folder| fill(folder, "2")).unwrap();
        let beside: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(beside, ["out"], "moment {number}");
    }
}

#[test]
fn a_hidden_folder_without_the_mark_is_nobodys() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    fill(&beside(&out, PART), "theirs").unwrap();
    let line = replace(KIND, &out, "last", |folder| fill(folder, "1")).unwrap_err().to_string();
    assert!(line.contains("without its mark"), "{line}");
    assert_eq!(read(&beside(&out, PART), "deep/b"), "theirs");
    assert!(!out.exists());
    replace(KIND, &home.path().join("other"), "last", |folder| fill(folder, "1")).unwrap();
    assert_eq!(read(&beside(&out, PART), "deep/b"), "theirs");
    for reserved in [PART, OLD, ".vitrine-x"] {
        assert!(replace(KIND, &beside(&out, reserved), "last", |folder| fill(folder, "1")).is_err(), "{reserved}");
    }
}

#[test]
fn without_an_exchange_every_file_is_written_over() {
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (home.path().join("from"), home.path().join("to"));
    fill(&from, "2").unwrap();
    fill(&to, "1").unwrap();
    fs::write(to.join("deep/stale"), "old").unwrap();
    fs::write(to.join("theirs"), "mine").unwrap();
    fs::write(to.join(format!("{}x", crate::atomic::UNFINISHED)), "half").unwrap();
    let record = Record::new(KIND, names(&["a", "deep/b", "last"]));
    swap::write_over(&from, &to, &record, &names(&["a", "deep/stale"]), "last").unwrap();
    assert_eq!([read(&to, "a"), read(&to, "deep/b"), read(&to, "last")], ["2", "2", "2"]);
    assert_eq!([read(&to, "deep/stale"), read(&to, "theirs")], ["", "mine"]);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 5, "what a kill left is gone");
    assert_eq!(listed(&to, KIND).unwrap(), record.files);
}

#[test]
fn a_file_is_listed_before_it_is_there() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let growth = Growth::new(Kind::Part, &out, &[]).unwrap();
    growth.put("photos/1.jpg", b"1").unwrap();
    growth.put("photos/2.jpg", b"2").unwrap();
    fs::write(out.join("photos/3.jpg"), "theirs").unwrap();
    assert!(growth.put("photos/3.jpg", b"3").is_err(), "another file stands there");
    growth.put("photos/3.jpg", b"theirs").unwrap();
    assert!(Growth::new(Kind::Part, &out, &[]).is_err(), "it is locked");
    drop(growth); // as a kill would leave it
    let growth = Growth::new(Kind::Part, &out, &[]).unwrap();
    assert_eq!(listed(&out, Kind::Part).unwrap(), names(&["photos/1.jpg", "photos/2.jpg", "photos/3.jpg"]));
    fs::write(out.join("photos/4.jpg"), "theirs").unwrap();
    growth.keep_only(names(&["photos/2.jpg"])).unwrap();
    let mut left: Vec<_> = fs::read_dir(out.join("photos")).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["2.jpg", "4.jpg"]);
}
