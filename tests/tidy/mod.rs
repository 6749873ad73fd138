//! Repository rules as tests: which layer may use which, how long a file may be, that every module says what it is.

mod texts;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const LINES_MAX: usize = 400;

/// Which modules of the crate a module may name. The layers of `docs/architecture.md`.
const DIRECTIONS: [(&str, &[&str]); 6] = [
    ("plugin", &["framework"]),
    ("framework", &[]),
    ("provider", &["framework", "resources", "drivers"]),
    ("resources", &["framework", "domain", "drivers"]),
    ("domain", &[]),
    ("drivers", &["domain"]),
];

/// Crates that only some modules may name, as the start of a path.
const CRATES: [(&str, &[&str]); 8] = [
    ("tonic", &["plugin"]),
    ("prost", &["plugin"]),
    ("rmp", &["plugin"]),
    ("rustls", &["plugin", "drivers"]),
    ("kube", &["drivers"]),
    ("k8s_openapi", &["drivers", "domain"]),
    ("tokio", &["plugin", "framework", "drivers", "resources", "main"]),
    ("anyhow", &["main"]),
];

#[test]
fn layers_only_look_down() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let Some(layer) = layer(&file) else { continue };
        let allowed = DIRECTIONS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
        for target in crate_paths(&text) {
            let known = DIRECTIONS.iter().any(|(name, _)| *name == target);
            if let Some(allowed) = allowed
                && known
                && target != layer
                && !allowed.contains(&target.as_str())
            {
                wrong.push(format!("{}: {layer} must not use {target}", file.display()));
            }
        }
        for (name, users) in CRATES {
            if layer != "lib" && !users.contains(&layer.as_str()) && text.lines().any(|line| names_crate(line, name)) {
                wrong.push(format!("{}: {layer} must not use the crate {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_open_by_saying_what_they_are() {
    let mut wrong = Vec::new();
    for (file, text) in ["src", "derive", "lab", "tests"].into_iter().flat_map(sources) {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {LINES_MAX}", file.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with a module header (//!)", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_file_is_part_of_the_suite() {
    let texts: BTreeMap<PathBuf, String> = ["tests", "lab/tests"].into_iter().flat_map(sources).collect();
    for file in texts.keys().filter(|file| !file.ends_with("main.rs")) {
        // A folder's own file is declared beside the folder.
        let module: &Path = if file.ends_with("mod.rs") { file.parent().unwrap_or(file) } else { file };
        let declaration = format!("mod {};", module.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default());
        let parents = ["mod.rs", "main.rs"].map(|parent| module.with_file_name(parent));
        let mut lines = parents.iter().filter_map(|parent| texts.get(parent)).flat_map(|text| text.lines());
        assert!(lines.any(|line| line.trim_start_matches("pub ") == declaration), "{} is in no module", file.display());
    }
}

/// The first part of a file's path below `src`: its layer.
fn layer(file: &Path) -> Option<String> {
    let below = file.strip_prefix(root().join("src")).ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Modules named by `crate::x` or `kaas::x`, also inside `use crate::{x, y}`.
fn crate_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (position, _) in text.match_indices("crate::").chain(text.match_indices("kaas::")) {
        let rest = &text[position..];
        let rest = &rest[rest.find("::").map_or(0, |at| at + 2)..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1_usize;
            let mut word = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => word.clear(),
                    ':' if depth == 1 && !word.is_empty() => found.push(std::mem::take(&mut word)),
                    c if depth == 1 && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

fn names_crate(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && line.match_indices(&format!("{name}::")).any(|(at, _)| {
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':' || before == '"')
        })
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let Ok(text) = fs::read_to_string(&path) else { continue };
                found.push((path, text));
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
