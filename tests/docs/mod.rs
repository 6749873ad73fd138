//! The registry's pages under `docs/` are what the schemas and the examples say. `UPDATE_DOCS=1 cargo test -p kaas --test suite docs` writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use kaas::{
    domain::rights::{For, cluster_role},
    framework::{
        docs::{Import, Kind, Page, render, render_function},
        erased::{AnyProvider, ErasedProvider},
        schema::{Attribute, Block},
    },
    provider::Kaas,
};

const PROVIDER: &str = "kaas";
/// The folders of `docs/` whose pages are all rendered.
const FOLDERS: [&str; 3] = ["docs/resources", "docs/data-sources", "docs/functions"];

#[test]
fn pages_say_what_the_schemas_and_the_examples_say() {
    let mut stale = Vec::new();
    for (path, text) in pages() {
        let file = root().join(&path);
        if fs::read_to_string(&file).is_ok_and(|found| found == text) {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "{stale:?} are not up to date: run UPDATE_DOCS=1 cargo test -p kaas --test suite docs");
}

#[test]
fn everything_offered_has_a_page_with_an_example_and_nothing_else_has() {
    let pages = pages();
    for (path, text) in &pages {
        assert!(text.contains("## Example Usage"), "{path} has no example");
        if path.starts_with("docs/resources") {
            assert!(text.contains("## Import"), "{path} does not say how to import");
        }
    }
    let rendered: BTreeSet<PathBuf> = pages.keys().map(PathBuf::from).collect();
    let found: BTreeSet<PathBuf> = FOLDERS.into_iter().flat_map(files).filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    let indexed = BTreeSet::from([PathBuf::from("docs/index.md")]);
    assert_eq!(&found | &indexed, rendered, "pages of what is not offered, or the other way round");
}

#[test]
fn every_attribute_and_block_is_described_in_sentences() {
    let provider = ErasedProvider::new(Kaas::default());
    let mut wrong = Vec::new();
    let offers = provider.offers();
    let resources = offers.resources.iter().map(|(name, resource)| (*name, resource.schema()));
    let data_sources = offers.data_sources.iter().map(|(name, source)| (*name, source.schema()));
    for (name, schema) in resources.chain(data_sources).chain([(PROVIDER, provider.schema())]) {
        undescribed(name, &schema.block, &mut wrong);
    }
    assert!(wrong.is_empty(), "no description that ends with a full stop: {wrong:?}");
}

#[test]
fn the_guide_to_rights_gives_the_roles_that_are_asked_for() {
    let file = root().join("docs/guides/rights.md");
    let page = fs::read_to_string(&file).unwrap();
    let soft = cluster_role("kaas-namespaces", For { namespaces: true, ..For::default() });
    let hard = cluster_role("kaas-clusters", For { clusters: true, releases: true, ..For::default() });
    let mut parts = page.split("```");
    let mut written = parts.next().unwrap_or_default().to_owned();
    for role in [soft, hard] {
        let (_, after) = (parts.next(), parts.next().unwrap_or_default());
        written += &format!("```yaml\n{}```{after}", serde_norway::to_string(&role).unwrap());
    }
    assert_eq!(parts.next(), None);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &written).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap();
    assert!(found == written, "{} is not up to date: run UPDATE_DOCS=1 cargo test -p kaas --test suite docs", file.display());
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut dead = Vec::new();
    for file in files("docs").into_iter().chain([PathBuf::from("README.md")]).filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let place = target.split('#').next().unwrap_or_default();
            let is_local = !place.is_empty() && !place.contains("://");
            if is_local && !root().join(file.parent().unwrap()).join(place).exists() {
                dead.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:?}");
}

/// Every page by its path.
fn pages() -> BTreeMap<String, String> {
    let provider = ErasedProvider::new(Kaas::default());
    let index = page(PROVIDER, Kind::Provider, "examples/provider", "provider.tf");
    let mut pages = BTreeMap::from([("docs/index.md".to_owned(), rendered(index, &provider.schema().block))]);
    let short = |name: &str| name.trim_start_matches("kaas_").to_owned();
    for (name, resource) in &provider.offers().resources {
        let folder = format!("examples/resources/{name}");
        let (by_identity, by_id) = (read(&folder, "import-by-identity.tf"), read(&folder, "import-by-string-id.tf"));
        let command = read(&folder, "import.sh");
        let import = Import { by_identity: &by_identity, identity: resource.identity_schema(), by_id: &by_id, command: &command };
        let (example, notes) = (read(&folder, "resource.tf"), read(&folder, "notes.md"));
        let page = Page { provider: PROVIDER, name, kind: Kind::Resource, example: &example, notes: &notes, import };
        pages.insert(format!("docs/resources/{}.md", short(name)), render(&page, &resource.schema().block));
    }
    for (name, source) in &provider.offers().data_sources {
        let sketch = page(name, Kind::DataSource, &format!("examples/data-sources/{name}"), "data-source.tf");
        pages.insert(format!("docs/data-sources/{}.md", short(name)), rendered(sketch, &source.schema().block));
    }
    for (name, function) in &provider.offers().functions {
        let example = read(&format!("examples/functions/{name}"), "function.tf");
        pages.insert(format!("docs/functions/{name}.md"), render_function(PROVIDER, name, function.signature(), &example));
    }
    assert!(provider.offers().ephemeral_resources.is_empty(), "pages of ephemeral resources are not made yet: add them here");
    pages
}

/// A page without imports: its name, kind, example and notes.
type Sketch = (String, Kind, String, String);

fn page(name: &str, kind: Kind, folder: &str, example: &str) -> Sketch {
    (name.to_owned(), kind, read(folder, example), read(folder, "notes.md"))
}

fn rendered((name, kind, example, notes): Sketch, block: &Block) -> String {
    render(&Page { provider: PROVIDER, name: &name, kind, example: &example, notes: &notes, import: Import::default() }, block)
}

fn undescribed(at: &str, block: &Block, wrong: &mut Vec<String>) {
    let is_sentence = |text: &str| text.trim_end().ends_with('.');
    if !is_sentence(&block.description) {
        wrong.push(at.to_owned());
    }
    for Attribute { name, description, fields, .. } in &block.attributes {
        let place = format!("{at}.{name}");
        if !is_sentence(description) {
            wrong.push(place.clone());
        }
        if let Some(fields) = fields {
            undescribed(&place, fields, wrong);
        }
    }
    for nested in &block.blocks {
        undescribed(&format!("{at}.{}", nested.name), &nested.block, wrong);
    }
}

/// The file's text; empty where there is none.
fn read(folder: &str, name: &str) -> String {
    fs::read_to_string(root().join(folder).join(name)).unwrap_or_default()
}

/// Every file below a folder, by its path from the root.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root().join(&folder)).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
