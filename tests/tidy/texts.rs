//! What no file of the repository may hold, whatever its language.

use std::path::{Path, PathBuf};

use super::root;

/// Folders that are not the repository's own.
const FOREIGN: [&str; 3] = ["target", ".git", "dist"];

/// Marks of unfinished work, cut in two so that this list does not find itself.
const UNFINISHED: [(&str, &str); 5] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("unimple", "mented!"), ("todo", "!(")];

/// Places of one machine.
const PLACES: [(&str, &str); 4] = [("/wo", "rk/"), ("/ro", "ot/"), ("/tmp/", "wt"), ("/home/", "")];

#[test]
fn nothing_unfinished_is_left() {
    let found = holding(&UNFINISHED, |before| before.is_alphanumeric() || before == '_');
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_place_of_one_machine_is_named() {
    let found = holding(&PLACES, |before| before.is_alphanumeric() || "._-}$\"')>~:".contains(before));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn dependencies_come_from_the_public_registries_only() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let foreign: Vec<&str> = lock.lines().filter(|line| line.starts_with("source = ") && *line != public).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    for (file, text) in texts().iter().filter(|(file, _)| file.ends_with("pom.xml")) {
        assert!(!text.contains("<repository>"), "{} names a repository of its own", file.display());
    }
}

/// Lines with one of the words that does not go on a longer one, as `file:line: word`.
fn holding(words: &[(&str, &str)], goes_on: impl Fn(char) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            for (head, tail) in words {
                let word = format!("{head}{tail}");
                if line.match_indices(&word).any(|(at, _)| !line[..at].ends_with(&goes_on)) {
                    found.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    found
}

/// Every file of the repository that is text.
fn texts() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if FOREIGN.iter().any(|foreign| name == *foreign) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                found.push((path.strip_prefix(root()).unwrap_or(Path::new("")).to_path_buf(), text));
            }
        }
    }
    found
}
