//! Folders of Kafka nodes made ready for their first start: by Kafka's own tool for the first node of its kind, by copying for those that are made with it.
//! A tool is a Java of its own, half as long as the start of a node, and what it makes differs in the ids of node and folder alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::JoinSet;

use super::cluster::Pass;
use super::nodes::Start;
use super::properties::Node;

/// Whose node and folder it is.
const IDENTITY: &str = "meta.properties";

/// Makes the folders of all new nodes ready.
///
/// # Errors
/// When the tool fails or a file cannot be written.
pub async fn all(pass: &Pass<'_>, nodes: &[(Node, Start)]) -> Result<()> {
    let mut kinds: BTreeMap<_, Vec<(i32, Start)>> = BTreeMap::new();
    // A node with a new volume among old ones is formatted when it starts: what its folders hold stays.
    let is_new = |start: &Start| folders(start).iter().all(|folder| !folder.join(IDENTITY).exists());
    for (node, start) in nodes.iter().filter(|(_, start)| is_new(start)) {
        kinds.entry((node.controller, node.broker, folders(start).len())).or_default().push((node.id, start.clone()));
    }
    let mut works = JoinSet::new();
    for mut alike in kinds.into_values() {
        let nodes = pass.nodes.clone();
        works.spawn_blocking(move || -> Result<()> {
            let (_, first) = alike.remove(0);
            nodes.format(&first)?;
            alike.iter().try_for_each(|(id, start)| copy(&first, *id, start))
        });
    }
    while let Some(work) = works.join_next().await {
        work??;
    }
    Ok(())
}

/// Whether every folder of a node is ready.
pub fn is_formatted(start: &Start) -> bool {
    folders(start).iter().all(|folder| folder.join(IDENTITY).is_file())
}

fn folders(start: &Start) -> Vec<PathBuf> {
    start.properties.get("log.dirs").map(|all| all.split(',').map(PathBuf::from).collect()).unwrap_or_default()
}

/// Makes the folders of a node like those of the first, which has as many.
fn copy(first: &Start, id: i32, start: &Start) -> Result<()> {
    for (from, to) in folders(first).iter().zip(folders(start)) {
        std::fs::create_dir_all(&to).with_context(|| format!("make {}", to.display()))?;
        for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))?.flatten() {
            let (file, name) = (entry.path(), entry.file_name());
            if name != IDENTITY && file.is_file() {
                std::fs::copy(&file, to.join(&name)).with_context(|| format!("copy {}", file.display()))?;
            }
        }
        // It comes last: it says that all is there.
        write_identity(&from.join(IDENTITY), &to, id)?;
    }
    Ok(())
}

fn write_identity(of_first: &Path, to: &Path, id: i32) -> Result<()> {
    let text = std::fs::read_to_string(of_first).with_context(|| format!("read {}", of_first.display()))?;
    let folder = random_id()?;
    let line = |line: &str| match line.split_once('=') {
        Some(("node.id", _)) => format!("node.id={id}\n"),
        Some(("directory.id", _)) => format!("directory.id={folder}\n"),
        _ => format!("{line}\n"),
    };
    let file = to.join(IDENTITY);
    let text: String = text.lines().map(line).collect();
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))
}

/// An id as Kafka makes them, of a cluster or a folder.
///
/// # Errors
/// When the machine gives no random numbers.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("make an id"))?;
    // An id that begins with a dash would be taken for an option.
    bytes[0] &= 0x7f;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_nodes_folder_has_ids_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let (first, other) = (place.path().join(IDENTITY), place.path().join("other"));
        std::fs::create_dir(&other).unwrap();
        std::fs::write(&first, "#\n#Mon\nnode.id=0\ndirectory.id=hiaC8e739CydrK14Ti7qeQ\nversion=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\n")
            .unwrap();
        write_identity(&first, &other, 4).unwrap();
        let written = std::fs::read_to_string(other.join(IDENTITY)).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!((lines[2], lines[4], lines[5]), ("node.id=4", "version=1", "cluster.id=AAAAAAAAAAAAAAAAAAAAAA"));
        let folder = lines[3].strip_prefix("directory.id=").unwrap();
        assert!(folder.len() == 22 && folder != "hiaC8e739CydrK14Ti7qeQ", "{folder}");
    }
}
